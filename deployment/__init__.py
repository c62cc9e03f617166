"""`make deploy`, `make logs` and `make destroy`: SAM CLI, told the Region, the stack and the parameters.

Imports nothing of the application. Read `command.py` first.
"""
