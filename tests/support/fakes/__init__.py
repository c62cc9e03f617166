"""Stand-ins for what the code under test calls, one file per thing that is faked.

May import the code under test. Begin with `gateway.py`.
"""
