"""What a client may ask: one function per action, each from a request to a reply.

May import every package of the chat except `delivery`. Read `dispatch.py` first.
"""
