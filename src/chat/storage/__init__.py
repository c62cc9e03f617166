"""Read and write both DynamoDB tables: one module per kind of item.

Imports `identity`, `protocol` and, for the hot read of members, `apigateway.http` and `apigateway.sigv4`.
Read `keys.py` first: it has every key of both tables.
"""
