"""One module per benchmark; its `run` returns a Report.

May import everything else in bench/; suites whose name is in __main__.SUITES can be run.
Read posts.py first.
"""
