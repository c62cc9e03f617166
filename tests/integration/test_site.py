"""The tests' own check: every frame of the functions is held against the AsyncAPI document."""

from __future__ import annotations

import json

import pytest

from tests.integration.conftest import Site
from tests.support.asyncapi import WrongFrame


def test_a_wrong_frame_that_was_posted_is_found(site: Site) -> None:
    site.connect("frames", "lobby")
    site.connect("plain", "lobby", protocol="plain")
    site.gateway.frames |= {"frames": ['{"type":"messages"}'], "plain": []}
    with pytest.raises(WrongFrame, match="'room' is a required property"):
        site.check_posted()
    site.gateway.frames |= {"frames": [], "plain": ["not \x1bfit for a terminal"]}
    with pytest.raises(WrongFrame, match="not text"):
        site.check_posted()
    site.gateway.frames.clear()


def test_a_wrong_reply_is_found(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    app = site.start("message")
    monkeypatch.setattr(app, "dispatch", lambda *_: '{"type":"reply","ref":null,"status":"ok","pung":true}')
    with pytest.raises(WrongFrame, match="not pong"):
        site.frame(json.dumps({"action": "ping"}), route="$default")
