"""Who a user is and what a user may do: identities, tokens, signing keys, grants, origins.

Imports nothing of the chat. Read `identity.py` first.
"""
