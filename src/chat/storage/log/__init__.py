"""A room's log: commit and delete (`log.py`), repair (`repair.py`) and read (`reader.py`).

Imports the other modules of `storage`. Read `log.py` first.
"""
