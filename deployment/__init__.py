"""`make deploy`, `make logs` and `make destroy`: SAM CLI, told what is meant, and the files of the page.

Imports nothing of the application. Read `command.py` first.
"""
