"""The functions behind the table's stream and the slice queue: broadcasts and announcements.

May import `chat` except its actions, and `apigateway`. Read `app.py` first.
"""
