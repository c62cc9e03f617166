"""DynamoDB and SQS on this machine: the process, a client of it, and a port for AWS's own clients.

Imports `net`, `stack`, `errors` and `aws_defaults`. Read ministack.py first.
"""
