"""The function of `$connect`: stores a connection and its rooms.

May import `chat` except its actions and delivery. Read `app.py` first.
"""
