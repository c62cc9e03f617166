"""The chat itself, without Lambda's events: the handlers beside this package translate those.

May import `apigateway`. Read `actions/dispatch.py` (from a client) or `delivery/broadcast.py` (to clients).
"""
