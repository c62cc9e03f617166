"""A room's log: commit (`log.py`), repair (`repair.py`), take over (`takeover.py`), read (`reader.py`).

Imports the other modules of `storage`. Read `log.py` first.
"""
