"""Lambda on this machine: processes of AWS's own runtime client, and the events that they get.

Imports `net`, `traces`, `stack`, `invocation` and `aws_defaults`. Read host.py first.
"""
