"""Checks a deployed chat as its users would: `make smoke URL=wss://…`.

`checks` are what is checked, `client` is a client of the protocol, `table` shows what was found.
"""
