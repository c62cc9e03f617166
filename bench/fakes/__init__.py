"""Servers in place of what is not measured: a table in memory, an nginx that answers every POST.

May import simulator/ and worker.py.
Read table.py first.
"""
