"""The numbers that template.yaml deploys, as benchmarks need them: read from it, so that they cannot drift.

Reading the template takes a second and imports the SAM translator: modules whose own imports or memory are
measured take these numbers as arguments.
"""

from __future__ import annotations

from bench.worker import ROOT
from local.stack import Function
from local.template import load

_STACK = load.load(ROOT / "template.yaml")
_FANOUT, _SLICE = _STACK.functions["FanoutFunction"], _STACK.functions["SliceFunction"]
(_STREAM,) = (mapping for mapping in _STACK.stream_mappings if mapping.function == _FANOUT.name)


def _gb(function: Function) -> float:
    return function.memory / 1024


LARGE_ROOM = int(_FANOUT.environment["LARGE_ROOM"])  # members; a larger room is broadcast in slices
SLICES = int(_FANOUT.environment["SLICES"])  # of a large room
INITIAL_POST_RATE = float(_FANOUT.environment["INITIAL_POST_RATE"])  # posts per second, of a new instance
INITIAL_SLICE_POST_RATE = float(_SLICE.environment["INITIAL_POST_RATE"])  # the same in a slice's instance
BATCH_SIZE = _STREAM.batch_size  # stream records per invocation
HISTORY_DAYS = int(_FANOUT.environment["HISTORY_DAYS"])
MESSAGE_GB, FANOUT_GB, SLICE_GB = map(_gb, (_STACK.functions["MessageFunction"], _FANOUT, _SLICE))
FUNCTIONS = _STACK.functions
