"""A chat of five people, with what a page can show of one: for pictures, and for checks of every state."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

DAY, YEAR = 29, "2026-11"
PEOPLE = [{"user": f"u-{name}", "name": name} for name in ("Grace", "Ken", "Radia")]
GRACE, KEN, RADIA = PEOPLE
ADA = {"user": "u-ada", "name": "Ada"}


def said(person: dict[str, str], day: int, clock: str, message: str, **fields: Any) -> dict[str, Any]:
    return {**person, "at": f"{YEAR}-{day}T{clock}:00.000Z", "message": message, **fields}


def reacted(reaction: str, *people: dict[str, str]) -> dict[str, Any]:
    return {"reaction": reaction, "count": len(people), "people": list(people)}


CODE = '```\nconst room = await chat.join("general");\nawait room.send("Hi");\n```'
MESSAGES = [
    said(
        GRACE,
        DAY - 1,
        "16:41",
        "Screens 3 and 4 are great. https://example.com/a does not open, though.",
    ),
    said(
        ADA,
        DAY - 1,
        "16:44",
        f"Fixed. This is how the page does it now:\n{CODE}",
        reply_to=1,
        root=1,
        revision=3,
        reactions=[reacted("👍", GRACE, KEN, RADIA), reacted("🎉", ADA)],
    ),
    said(KEN, DAY, "09:12", "Release is at noon. `make deploy ENV=prod` as usual."),
    said(KEN, DAY, "09:13", "Who watches the first ten minutes?"),
    said(RADIA, DAY, "09:31", "@Ada could you? I am on the train until eleven.", mentions=["u-ada"]),
    said(ADA, DAY, "09:33", "Yes, I will.", edited_at=f"{YEAR}-{DAY}T09:34:00.000Z", revision=7),
    said(GRACE, DAY, "09:40", "", deleted=True, revision=8),
    said(GRACE, DAY, "09:41", "🎉"),
]


def listed(room: str, unread: int = 0, mentions: int = 0, **fields: Any) -> dict[str, Any]:
    newest = {**KEN, "seq": 20, "message": "…", "at": f"{YEAR}-{DAY}T09:00:00.000Z"}
    place = {"seq": 20, "read": 20 - unread, "unread": unread, "mentions": mentions, "muted": False}
    return {"room": room, "since": "", "newest": newest, **place, **fields}


ROOMS = [
    listed("design-team", 5, 2),
    listed("incidents", 14),
    listed("releases"),
    listed("random"),
    listed("build-bot", muted=True),
]
# What the chat in the page is told before the page begins, and when that is.
SCRIPT = f"chat.listed = {json.dumps(ROOMS)}; chat.people = {json.dumps(PEOPLE)};"
NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
