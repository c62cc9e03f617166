"""A simulated API Gateway management API: `Simulator` is a process, `Gateway` the rules, `Record` what came.

May import nothing else of bench/; virtual_gateway.py also imports the posting engine and the chat's Member.
Read gateway.py first.
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
