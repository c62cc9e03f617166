"""Event source mappings: read a table's stream or a queue, and call a function with batches.

Imports `stack`, `invocation`, `timestamps` and `aws_defaults`. Read stream_poller.py first.
"""
