"""The engine's network: an HTTP server, who may use it, ports, and plain TCP forwarding.

Imports `errors` only. Read http_server.py first.
"""
