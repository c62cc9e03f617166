"""X-Ray traces: receive them, keep the newest, and show them in a browser or a terminal.

Imports `net`, `errors` and `invocation`. Read store.py first.
"""
