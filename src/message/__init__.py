"""The function of `onMessage` and `$default`: every frame that a client sends.

May import `chat` except its delivery, and `apigateway`. Read `app.py` first.
"""
