"""The web client's files beside the API."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.local.gateway_stage import Stage, running


@pytest.fixture
def web(tmp_path: Path) -> Path:
    web = tmp_path / "web"
    (web / "css").mkdir(parents=True)
    (web / "index.html").write_text("<h1>front</h1>")
    (web / "a b.txt").write_text("spaced")
    (web / "css" / "chat.css").write_text("body {}")
    (web / "css" / "index.html").write_text("<h1>css</h1>")
    (web / "app.js").write_text("1")
    (web / "unknown.xyz").write_text("?")
    (web / ".env").write_text("SECRET")
    (tmp_path / "secret.txt").write_text("SECRET")
    (web / "link.txt").symlink_to(tmp_path / "secret.txt")
    return web


async def get(stage: Stage, path: str, method: str = "GET") -> tuple[int, str, str]:
    async with stage.request(method, path) as answer:
        return answer.status, answer.headers.get("Content-Type", ""), await answer.text()


@pytest.mark.parametrize(
    ("path", "content_type", "text"),
    [
        ("/", "text/html; charset=utf-8", "<h1>front</h1>"),
        ("/index.html", "text/html; charset=utf-8", "<h1>front</h1>"),
        ("/?room=x", "text/html; charset=utf-8", "<h1>front</h1>"),
        ("/css/chat.css", "text/css; charset=utf-8", "body {}"),
        ("/css/", "text/html; charset=utf-8", "<h1>css</h1>"),
        ("/app.js", "text/javascript; charset=utf-8", "1"),
        ("/a%20b.txt", "text/plain; charset=utf-8", "spaced"),
        ("/unknown.xyz", "application/octet-stream", "?"),
    ],
)
async def test_a_file_is_served_with_its_type(web: Path, path: str, content_type: str, text: str) -> None:
    async with running(web=web) as stage:
        assert await get(stage, path) == (200, content_type, text)


async def test_head_has_the_length_and_no_body(web: Path) -> None:
    plain = {"Accept-Encoding": "identity"}
    async with running(web=web) as stage, stage.request("HEAD", "/", headers=plain) as answer:
        assert (answer.status, answer.headers["Content-Length"]) == (200, "14")
        assert await answer.read() == b""


async def test_a_file_is_sent_again_only_when_it_has_changed(web: Path) -> None:
    async with running(web=web) as stage:
        async with stage.request("GET", "/app.js") as answer:
            headers = {"If-None-Match": answer.headers["ETag"]}
        async with stage.request("GET", "/app.js", headers=headers) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
        (web / "app.js").write_text("2")
        async with stage.request("GET", "/app.js", headers=headers) as answer:
            assert (answer.status, await answer.text()) == (200, "2")


async def test_text_is_compressed_for_those_who_can_read_it(web: Path) -> None:
    (web / "app.js").write_text("1" * 1000)
    async with running(web=web) as stage:
        for encoding, most in [("gzip, br", 100), ("identity", 1000)]:
            async with stage.request("GET", "/app.js", headers={"Accept-Encoding": encoding}) as answer:
                assert await answer.text() == "1" * 1000
                assert int(answer.headers["Content-Length"]) <= most
                assert answer.headers["Vary"] == "Accept-Encoding"


async def test_browsers_ask_each_time_and_never_guess_a_type(web: Path) -> None:
    async with running(web=web) as stage, stage.request("GET", "/app.js") as answer:
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/css/../../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/css/..%2f..%2fsecret.txt",
        "/..%5csecret.txt",
        "//secret.txt",
        "/link.txt",
        "/.env",
        "/css",
        "/nothing.html",
        "/index.html%00.txt",
        "/%00",
        "/" + "a" * 5000,
        "/%ff",
    ],
)
async def test_nothing_outside_of_the_folder_is_served(web: Path, path: str) -> None:
    async with running(web=web) as stage:
        status, _, text = await get(stage, path)
        assert status == 403
        assert text == '{"message": "Forbidden"}'


async def test_an_absolute_path_in_the_escape_stays_in_the_folder(web: Path) -> None:
    async with running(web=web) as stage:
        escaped = str(web.parent / "secret.txt").replace("/", "%2f")
        assert (await get(stage, f"/{escaped}"))[0] == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_files_are_only_read(web: Path, method: str) -> None:
    async with running(web=web) as stage:
        assert (await get(stage, "/index.html", method))[0] == 403


async def test_without_a_folder_there_are_no_files() -> None:
    async with running() as stage:
        assert (await get(stage, "/"))[0] == 403
