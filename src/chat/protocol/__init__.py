"""What goes over the wire: frames, messages, pages, room names, errors and the subprotocol.

Imports `identity`. Read `frames.py` first.
"""
