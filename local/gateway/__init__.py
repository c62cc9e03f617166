"""API Gateway on this machine: sockets, routes, throttling and @connections.

Imports `net`, `traces`, `stack`, `invocation`, `timestamps` and `aws_defaults`. Read gateway.py first.
"""
