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


@pytest.mark.parametrize(
    "origin",
    [
        "capacitor://localhost",
        "ionic://localhost",
        "tauri://localhost",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
        "moz-extension://0f3a9a52-6d0c-4b0e-9d55-3a1d7d0f3b5e",
        "file://",
    ],
)
def test_an_app_or_an_extension_on_the_list_is_let_in(origin: str) -> None:
    assert Origins.parse(f"{SITE},{origin.upper()}").allows(origin)
    assert not Origins.parse(SITE).allows(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "https://a.example.com",
        "https://a.b.example.com",
        "https://PR-7.example.com",
        "https://x_1.example.com",
    ],
)
def test_a_star_before_a_host_allows_its_subdomains(origin: str) -> None:
    assert Origins.parse("null,https://*.Example.com").allows(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "https://example.com",
        "http://a.example.com",
        "https://a.example.com:8443",
        "https://evilexample.com",
        "https://.example.com",
        "https://a..example.com",
        "https://a.example.com.evil.test",
        "https://evil.test/.example.com",
        "https://evil.test?.example.com",
        "https://evil.test#.example.com",
        "https://evil.test:80.example.com",
        "https://me@evil.test@a.example.com",
        "https://*.example.com",
        "null",
    ],
)
def test_a_star_before_a_host_allows_nothing_else(origin: str) -> None:
    assert not Origins.parse("https://*.example.com").allows(origin)


def test_subdomains_may_have_a_port() -> None:
    origins = Origins.parse("http://*.app.test:5173")
    assert origins.allows("http://a.app.test:5173")
    assert not origins.allows("http://a.app.test")


@pytest.mark.parametrize(
    ("listed", "sent"),
    [
        ("https://example.com:443", "https://example.com"),
        ("http://example.com:80", "http://example.com"),
        ("https://example.com:80", "https://example.com:80"),
        ("http://[::1]:80", "http://[::1]"),
        ("https://*.example.com:443", "https://a.example.com"),
        ("https://XN--mnchen-3ya.example", "https://xn--mnchen-3ya.example"),
    ],
)
def test_a_listed_origin_is_compared_as_browsers_send_it(listed: str, sent: str) -> None:
    assert Origins.parse(listed).allows(sent)
