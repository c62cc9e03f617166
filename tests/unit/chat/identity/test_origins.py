from __future__ import annotations

import pytest

from chat.identity.origins import Origins

SITE = "https://chat.example.com"


@pytest.mark.parametrize("origin", [SITE, "http://localhost:3000", "null", "", "nonsense", None])
def test_a_star_allows_every_origin(origin: str | None) -> None:
    assert Origins.parse("*").allows(origin)


@pytest.mark.parametrize("origin", [SITE, "HTTPS://Chat.Example.COM", "http://app.test:5173"])
def test_a_site_on_the_list_is_let_in(origin: str) -> None:
    assert Origins.parse("https://Chat.example.com, http://app.test:5173").allows(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "http://chat.example.com",  # another scheme
        "https://chat.example.com:8443",
        "https://chat.example.com:443",  # which no browser says
        "https://example.com",
        "https://evil.chat.example.com",
        "https://chat.example.com.evil.test",
        "https://chat.example.com@evil.test",
        "https://chat.example.com/",
        "https://chat.example.com, https://evil.test",
        "https://chat.example.com ",
        "chat.example.com",
        "null",
        "*",
        "",
    ],
)
def test_any_other_is_not(origin: str) -> None:
    assert not Origins.parse(SITE).allows(origin)


def test_pages_from_disk_are_let_in_where_the_list_says_so() -> None:
    assert Origins.parse(f"null,{SITE}").allows("null")


def test_a_client_that_is_not_a_browser_has_no_origin_to_check() -> None:
    assert Origins.parse(SITE).allows(None)


def test_an_empty_list_allows_no_origin() -> None:
    assert not Origins.parse("").allows("")
    assert not Origins.parse(",").allows(SITE)
