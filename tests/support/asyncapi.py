"""docs/asyncapi.yaml, and whether a frame is one that it describes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from jsonschema import Draft7Validator
from jsonschema.exceptions import best_match

MAX_FRAME = 32 * 1024  # bytes

DOCUMENT: dict[str, Any] = yaml.load(
    (Path(__file__).parents[2] / "docs" / "asyncapi.yaml").read_text(encoding="utf-8"),
    # The parser in C, where PyYAML has it: each worker and each narrow run reads the document.
    getattr(yaml, "CSafeLoader", yaml.SafeLoader),
)


def _names(references: Iterable[dict[str, str]]) -> list[str]:
    return [reference["$ref"].rpartition("/")[2] for reference in references]


def _operations(action: str) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in DOCUMENT["operations"].items() if each["action"] == action}


# The names of messages: those that a client may send, the replies to each, and those that come unasked.
ASKED = [name for each in _operations("receive").values() for name in _names(each["messages"])]
REPLIES = {name: _names(each["reply"]["messages"]) for name, each in _operations("receive").items()}
UNASKED = [name for each in _operations("send").values() for name in _names(each["messages"])]
ANY_REPLY = sorted({name for names in REPLIES.values() for name in names})


def examples(name: str) -> list[Any]:
    """Return the payloads that the document shows of a message."""
    return [example["payload"] for example in DOCUMENT["components"]["messages"][name]["examples"]]


class WrongFrame(AssertionError):
    """A frame that the document does not describe."""


def check_sent(frame: Any) -> str:
    """Return the name of a client's message. Raises WrongFrame."""
    return _is_one_of([frame.get("action")] if frame.get("action") in ASKED else ASKED, frame)


@lru_cache(1024)  # a room's members receive the same
def check_received(text: str, asked: str | None = None) -> str:
    """Return the name of a message of the server. Raises WrongFrame.

    `asked` is the action that a reply answers, if it is known. The document leaves room for later
    versions; what this one sends must be in it, down to the last field.
    """
    frame = _parse(text)
    is_reply = isinstance(frame, dict) and frame.get("type") == "reply"
    name = _is_one_of((REPLIES[asked] if asked else ANY_REPLY) if is_reply else UNASKED, frame)
    _is_in_order(frame)
    return name


@lru_cache(1024)
def check_received_plain(text: str) -> str:
    """Check a frame of a plain client, which receives bare texts, and replies to its own frames."""
    try:
        frame = _parse(text)
    except WrongFrame:
        frame = None
    if isinstance(frame, dict) and frame.get("type") == "reply":
        return _is_one_of(ANY_REPLY, frame)
    return _is_one_of(["text"], text)


def _parse(text: str) -> Any:
    if len(text.encode()) > MAX_FRAME:
        raise WrongFrame(f"a frame of {len(text.encode())} bytes")
    try:
        return json.loads(text, parse_constant=_no_number)
    except ValueError as error:
        raise WrongFrame(f"not JSON: {text}") from error


def _no_number(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")


def _is_one_of(names: Iterable[str], frame: Any) -> str:
    validators = [(name, _validator(name)) for name in names]
    for name, validator in validators:
        if validator.is_valid(frame):
            return name
    reasons = []  # to find them takes longer than to see that there are some
    for name, validator in validators:
        error = best_match(validator.iter_errors(frame))
        reasons.append(f"not {name}: {error.message[:500]}")
    raise WrongFrame("\n".join([json.dumps(frame)[:1000], *reasons]))


@cache
def _validator(name: str) -> Draft7Validator:
    return Draft7Validator(_without_references(closed(DOCUMENT["components"]["messages"][name]["payload"])))


def _without_references(node: Any) -> Any:
    """Return a schema with what its references name in their place: to look them up takes most of a check.

    Draft 7 reads nothing beside a $ref.
    """
    if isinstance(node, list):
        return [_without_references(each) for each in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        return _referenced(node["$ref"])
    return {name: _without_references(value) for name, value in node.items()}


@cache
def _referenced(reference: str) -> Any:
    target: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        target = target[step]
    return _without_references(closed(target))


def closed(node: Any) -> Any:
    """A copy of the document whose objects have no other properties than those described."""
    if isinstance(node, list):
        return [closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    copy = {name: closed(value) for name, value in node.items()}
    if node.get("type") == "object" and "properties" in node:
        copy.setdefault("additionalProperties", False)
    return copy


def _is_in_order(frame: dict[str, Any]) -> None:
    """Check what no schema can say: seqs ascend, a page has no gap and begins at its `first_seq`, changes are
    skipped numbers, and each person of a room is listed once.
    """
    seqs = [message["seq"] for message in frame.get("messages", [])]
    skipped = frame.get("skipped", [])
    places = sorted(seqs + skipped)
    if seqs != sorted(seqs) or skipped != sorted(skipped) or len(set(places)) < len(places):
        raise WrongFrame(f"seqs out of order, or twice: {seqs} {skipped}")
    if frame.get("type") == "reply" and places:
        if places != list(range(places[0], places[-1] + 1)):
            raise WrongFrame(f"a page with a gap: {places}")
        if frame.get("first_seq", places[0]) != places[0]:
            raise WrongFrame(f"first_seq at {frame['first_seq']}, but has {places}")
    _changes_fit(frame.get("changes", []), skipped)
    members = [person["user"] for person in frame.get("members", [])]
    moved = [person["user"] for person in [*frame.get("joined", []), *frame.get("left", [])]]
    if members != sorted(set(members)) or len(set(moved)) < len(moved):
        raise WrongFrame(f"people out of order, or twice: {members} {moved}")
    if frame.get("count", len(members)) < len(frame.get("joined", members)):
        raise WrongFrame(f"fewer than there are: {frame['count']}")


def _changes_fit(changes: list[dict[str, Any]], skipped: list[int]) -> None:
    """Check that each change has a skipped number above its message's, and that the last one of a message has
    the message as it is now, and no other has it.
    """
    seqs = [change["seq"] for change in changes]
    if seqs != sorted(set(seqs)) or not set(seqs) <= set(skipped):
        raise WrongFrame(f"changes out of order, twice or not skipped: {seqs} {skipped}")
    last = {change["of"]: change["seq"] for change in changes}
    for change in changes:
        message = change.get("message")
        if change["of"] >= change["seq"] or (message is None) == (last[change["of"]] == change["seq"]):
            raise WrongFrame(f"a change before its message, or with it in the wrong place: {change}")
        if message and (message["seq"] != change["of"] or message["revision"] < change["seq"]):
            raise WrongFrame(f"a change with another message, or as it was before: {change}")
