"""One word per thing: a word that was given up stands only in the changelog.

CHANGELOG.md has the table of old and new words, docs/architecture.md the glossary of today's.
"""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.support.project import ROOT

# The forms of a given-up word, found in prose and inside identifiers (beginAnew, _RuledAnew): its successor.
WORDS = {
    "kick kicks kicked kicking": "ban",
    "bye goodbye goodbyes": "disconnect",
    "void voids": "skipped number",
    "hole holes": "gap",
    "refusal refusals": "error of a frame, rejection of a handshake",
    "refuse refuses refused refusing": "answer with an error; reject a handshake",
    "doorbell doorbells": "slice task, slice queue",
    "ring rings ringing rung": "hash space; enqueue",
    "crowd crowds crowded": "above the presence limit",
    "ruling rulings ruled": "rule, rules_version",
    "pace paces": "rate",
    "settle settles settled settling": "repair",
    "patience patient patiently": "timeout, retries",
    "anew": "again",
    "whom": "a sentence with its subject first",
}
PROSE = {"patience patient patiently", "anew", "whom"}  # of the words above, those that were never names
# Given-up names that are ordinary words elsewhere.
NAMES = {
    r"""["'`]begun["'`]""": "ready",
    r"""["'`]begins["'`]|\bbegins=|\.begins\b""": "first_seq",
    r"""["'`]act["'`]\s*[:,\]]|\bact=""": "action",
    r"""["'`]by["'`]\s*:|\bby=["'a-z]""": "moderator",
    r"""["'`]marked["'`]|\.marked\b""": "not_a_message",
    r"\bcrowded_until\b": "presence_paused_until",
    r"\bFIRST_PACE\b": "INITIAL_POST_RATE",
    r"\bDOORBELLS_URL\b": "SLICE_QUEUE_URL",
    r"\bCompany\b|\{Moves\}|\bMoves\b.*typedef|typedef.*\bMoves\b": "Presence, PresenceUpdate",
    r"\bSLOW#|\bMOVED\b": "COOLDOWN#, PRESENCE",
}
# Where a word is no name of ours: (files, the words in their context, the reason).
ALLOWED = [
    ("*.js *.mjs *.html", r"\bvoid\b", "JavaScript's operator and JSDoc's type"),
    ("*.js *.mjs", r"(?i)settle[sd]?", "promises settle"),
    ("*", r"(?i)connection\W?refused|ECONNREFUSED", "the system's own name of an error"),
]

SCANNED = ("README.md", "Makefile", "template.yaml", "budget.yaml", "samconfig.toml")
FOLDERS = ("docs", "events", "examples", "src", "local", "web", "tests", "bench", "deployment", "smoke")
SUFFIXES = {".py", ".js", ".mjs", ".html", ".css", ".json", ".md", ".yaml", ".toml"}

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")  # identifiers fall into their words
FORMS = {form: new for forms, new in WORDS.items() for form in forms.split()}
SELF = Path(__file__).relative_to(ROOT).as_posix()


def files() -> list[str]:
    found = [ROOT / name for name in SCANNED]
    for folder in FOLDERS:
        found += [
            path
            for path in (ROOT / folder).rglob("*")
            if path.suffix in SUFFIXES and not {"node_modules", "__pycache__", "results"} & set(path.parts)
        ]
    return sorted({path.relative_to(ROOT).as_posix() for path in found} - {SELF})


def old_words(name: str, text: str) -> list[str]:
    """Return one line per given-up word in a file."""
    found = []
    allowed = [
        re.compile(pattern) for globs, pattern, _ in ALLOWED if any(fnmatch(name, g) for g in globs.split())
    ]
    for number, line in enumerate(text.splitlines(), 1):
        for pattern in allowed:
            line = pattern.sub("", line)
        old = {word: FORMS[word] for word in map(str.lower, WORD.findall(line)) if word in FORMS}
        old |= {match[0]: new for pattern, new in NAMES.items() for match in re.finditer(pattern, line)}
        found += [f"{name}:{number}: {word!r} is now {new!r}" for word, new in old.items()]
    return found


@pytest.mark.parametrize("area", ["(root)", *FOLDERS])
def test_a_given_up_word_stands_only_in_the_changelog(area: str) -> None:
    names = [name for name in files() if (name.partition("/")[0] if "/" in name else "(root)") == area]
    assert names
    found = [line for name in names for line in old_words(name, (ROOT / name).read_text("utf-8"))]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "text",
    ["the crowd", "kickedOut", "_RuledAnew", "REFUSED = {}", 'item["begins"]', "Doorbells", '{"act": 1}'],
)
def test_a_given_up_word_is_found(text: str) -> None:
    assert old_words("src/chat/x.py", text)


@pytest.mark.parametrize("text", ["a string", "during", "space", "it begins", "standby=1", "unmarked"])
def test_a_word_inside_another_is_not_found(text: str) -> None:
    assert old_words("src/chat/x.py", text) == []


@pytest.mark.parametrize("forms", sorted(WORDS.keys() - PROSE))
def test_the_changelog_has_every_given_up_name(forms: str) -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert set(forms.split()) & {word.lower() for word in WORD.findall(changelog)}
