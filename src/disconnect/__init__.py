"""The function of `$disconnect`: deletes a connection and its memberships.

May import `chat` except its actions and delivery. Read `app.py` first.
"""
