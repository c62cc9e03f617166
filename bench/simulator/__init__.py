"""A simulated API Gateway management API, for benchmarks and tests.

`Simulator` is a server in a process of its own; `Gateway` and `Record` are its rules and its notes without
any I/O, for simulated time.
"""

from bench.simulator.gateway import MAX_MESSAGE, NEVER, Answer, Gateway, Group
from bench.simulator.members import member_id
from bench.simulator.process import Simulator
from bench.simulator.record import BUCKET, Expected, Record, Report
from bench.simulator.settings import DEFAULT_QUOTA, NEWER_REGIONS_QUOTA, Fault, Quota, Settings

__all__ = [
    "BUCKET",
    "DEFAULT_QUOTA",
    "MAX_MESSAGE",
    "NEVER",
    "NEWER_REGIONS_QUOTA",
    "Answer",
    "Expected",
    "Fault",
    "Gateway",
    "Group",
    "Quota",
    "Record",
    "Report",
    "Settings",
    "Simulator",
    "member_id",
]
