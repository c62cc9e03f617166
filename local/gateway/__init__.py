"""API Gateway on this machine: sockets, routes, throttling and @connections.

Imports `net`, `traces`, `stack`, `invocation` and `aws_defaults`. Read gateway.py first.
"""
