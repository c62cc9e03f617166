"""Reads template.yaml into the plain values of `stack`.

Imports `stack`, `errors`, `aws_defaults` and `mappings.filters`. Read load.py first.
"""
