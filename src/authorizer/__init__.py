"""The function of the authorizer of `$connect`: who is connecting, and what the user may do.

May import `chat.identity` and `chat.protocol`. Read `app.py` first.
"""
