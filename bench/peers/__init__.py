"""What the suites compare: posting clients, ways to broadcast, in-memory chat servers.

May import fakes/, simulator/ and worker.py. When measured, a module runs in a new process.
Read posting_clients.py first.
"""
