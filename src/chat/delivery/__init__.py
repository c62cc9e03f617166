"""From the table's stream to the sockets: broadcasts, announcements of signals, slices of large rooms.

May import every package of the chat except `actions`, and `apigateway`. Read `broadcast.py` first.
"""
