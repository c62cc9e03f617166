"""The chat page in Chromium, with a chat that is in the page: no server and no network is measured.

CPU is of the page's main thread (`threadTicks`), so that other work on the machine does not count. It
includes what makes the messages, which runs in the page, too. `before` is what the page took that had all
messages in its document, and drew each by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.chromium import find_chromium
from bench.report.report import Goal, Report, progress
from bench.worker import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

WEB = ROOT / "web"
FAKES = ROOT / "bench" / "fakes"
CHAT = (FAKES / "scripted_chat.js").read_text()
WATCH = (FAKES / "watch_page.js").read_text()
NO_FRAMES = """
Object.defineProperty(document, "hidden", { get: () => true });
requestAnimationFrame = () => 0;
"""


@dataclass(frozen=True, slots=True)
class Plan:
    storms: int  # of those below
    seconds: int  # of each
    history: int  # messages to climb back
    keys: int
    visits: int  # of rooms, and openings of the palette
    stored: int  # messages after which the memory is measured
    said: int  # messages of others, during which the layout is watched


FULL = Plan(storms=4, seconds=5, history=10_000, keys=120, visits=40, stored=60_000, said=24)
QUICK = Plan(storms=1, seconds=1, history=250, keys=2, visits=2, stored=200, said=4)


@dataclass(frozen=True, slots=True)
class Storm:
    where: str
    per_frame: int
    before: str


STORMS = (
    Storm("at the end", 1, "17 s behind, 18.1 s CPU"),
    Storm("scrolled up", 1, ""),
    Storm("scrolled up", 50, "p95 frame 133 ms, 5,000 items more"),
    Storm("hidden", 1, ""),
)
MESSAGES_PER_SECOND = 1_000


def run(plan: Plan = FULL) -> Report:
    from playwright.sync_api import sync_playwright

    report = Report("page: the chat page in Chromium (seconds and milliseconds)")
    with _site() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        for storm in STORMS[: plan.storms]:
            progress(f"page: {MESSAGES_PER_SECOND} messages/s, {storm.where}, {storm.per_frame} a frame")
            _storm(browser, url, storm, plan.seconds, report)
        progress(f"page: {plan.history:,} messages back to the start")
        _climb(browser, url, plan.history, report)
        progress("page: rooms that were visited, and the palette")
        _visits(browser, url, plan.visits, report)
        _palette(browser, url, plan.visits, report)
        for where in ("at the end", "scrolled up"):
            progress(f"page: the memory after {plan.stored:,} messages, {where}")
            _memory(browser, url, where, plan.stored, report)
        progress("page: typing, with the CPU four times as slow")
        _type(browser, url, plan.keys, report)
        _shift(browser, url, plan.said, 5, "which fills from below", "0.04 to 0.13", report)
        _shift(browser, url, plan.said, 60, "which is full", "", report)
        browser.close()
    return report


def _storm(browser: Browser, url: str, storm: Storm, seconds: int, report: Report) -> None:
    page, devtools = _open(browser, url, 500, NO_FRAMES if storm.where == "hidden" else "")
    if storm.where == "scrolled up":
        page.evaluate("document.querySelector('#scroll').scrollTop -= 1500")
    page.wait_for_timeout(300)
    page.evaluate("watch.begin()")
    cpu = _cpu(devtools)
    options = {"perSecond": MESSAGES_PER_SECOND, "seconds": seconds, "perFrame": storm.per_frame}
    took = page.evaluate("watch.storm", options)
    used = _cpu(devtools) - cpu
    found = page.evaluate("watch.found")
    report.add(
        storm=storm.where,
        per_frame=storm.per_frame,
        behind_s=took,
        cpu_s=used,
        p95_frame_ms=_percentile(found["frames"], 95),
        longest_task_ms=max(found["tasks"], default=0.0),
        items=page.locator("#messages > *").count(),
        before=storm.before,
    )
    where = f"{storm.where}, {storm.per_frame} a frame"
    report.goals.append(Goal(f"page, {where}: seconds behind", took, 0.5, 0.25))
    report.goals.append(Goal(f"page, {where}: seconds of CPU", used, 5, 3.5))
    items = page.locator("#messages > *").count()
    report.goals.append(Goal(f"page, {where}: items in the document", items, 301, 300, counted=True))
    page.context.close()


def _climb(browser: Browser, url: str, history: int, report: Report) -> None:
    page, devtools = _open(browser, url, history)
    page.evaluate("watch.begin()")
    cpu = _cpu(devtools)
    seconds = page.evaluate("watch.climb('message 1')")
    used = _cpu(devtools) - cpu
    found = page.evaluate("watch.found")
    devtools.send("HeapProfiler.collectGarbage")
    nodes = _metrics(devtools)["Nodes"]
    report.add(what=f"{history:,} back to the start, s", measured=seconds, before="39")
    report.add(what="the same, CPU s", measured=used, before="")
    report.add(what="the same, in long tasks, s", measured=sum(found["tasks"]) / 1000, before="28")
    report.add(what="the same, longest task, ms", measured=max(found["tasks"], default=0.0), before="")
    report.add(what="the same, p95 frame, ms", measured=_percentile(found["frames"], 95), before="250")
    report.add(what="nodes in the document then", measured=nodes, before="248,000 after 5,000")
    report.goals.append(Goal(f"page: {history:,} messages back to the start, seconds of CPU", used, 12, 8))
    report.goals.append(Goal("page: nodes in the document", nodes, 15_000, 12_000, counted=True))
    page.context.close()


def _visits(browser: Browser, url: str, times: int, report: Report) -> None:
    lengths = {"lobby": 500, "other": 300}
    listed = ", ".join(f"{{ ...place, room: {room!r} }}" for room in lengths)
    script = f"""{{
        const since = "2026-01-01T00:00:00Z";
        const place = {{ seq: 300, read: 300, unread: 0, mentions: 0, muted: false, since }};
        chat.listed = [{listed}];
        chat.begin("other", 300);
    }}"""
    page, _ = _open(browser, url, lengths["lobby"], script)
    page.wait_for_selector(".room-line:nth-child(2)")
    for network in ("", ", offline"):
        if network:
            page.evaluate("() => { chat.isDown = true; chat.cut(); }")
            page.wait_for_selector("#trouble")  # It takes some of the height.
        found = page.evaluate("([lengths, times]) => watch.visits(lengths, times)", [lengths, times])
        what = f"a visited room is drawn{network}, ms"
        p95 = _percentile(found["took"], 95)
        report.add(what=f"{what}, p50", measured=_percentile(found["took"], 50), before="380 and a flash")
        report.add(what=f"{what}, p95", measured=p95, before="")
        report.goals.append(Goal(f"page: {what}, p95", p95, 100, 50))
        flashes = found["flashes"]
        report.goals.append(Goal(f"page: frames with anything else{network}", flashes, 0, 0, counted=True))
    page.context.close()


def _palette(browser: Browser, url: str, times: int, report: Report) -> None:
    page, _ = _open(browser, url, 500)
    is_shown = "() => document.querySelector('#palette').open && document.querySelector('#choices > *')"
    page.evaluate(f"() => {{ window.keys = watch.keys({is_shown}); }}")
    for _ in range(1 + times):
        page.keyboard.press("Control+k")
        page.wait_for_selector("#choices > *")
        page.wait_for_timeout(50)
        page.evaluate("document.querySelector('#palette').close()")
    first, *others = page.evaluate("keys")[1::2]  # Each press is two keys.
    report.add(what="the palette opens, the first time, ms", measured=first, before="")
    report.add(what="the palette opens, p50, ms", measured=_percentile(others, 50), before="")
    report.goals.append(Goal("page: the palette opens, the first time, ms", first, 200, 100))
    page.context.close()


def _memory(browser: Browser, url: str, where: str, messages: int, report: Report) -> None:
    page, devtools = _open(browser, url, 500)
    if where == "scrolled up":
        page.evaluate("document.querySelector('#scroll').scrollTop -= 1500")
    page.wait_for_timeout(300)
    page.evaluate("watch.storm", {"perSecond": 4_000, "seconds": messages / 4_000, "perFrame": 20})
    page.evaluate("chat.forget()")
    devtools.send("HeapProfiler.collectGarbage")
    heap = devtools.send("Runtime.getHeapUsage")["usedSize"] / 1e6
    report.add(what=f"heap after {messages:,} messages, {where}, MB", measured=heap, before="")
    report.goals.append(
        Goal(f"page: heap after {messages:,} messages, {where}, MB", heap, 80, 60, counted=True)
    )
    page.context.close()


def _type(browser: Browser, url: str, keys: int, report: Report) -> None:
    page, devtools = _open(browser, url, 500)
    page.evaluate("() => { window.keys = watch.keys(); }")
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.locator("#text").focus()
    for number in range(keys):
        page.keyboard.press("abcdefgh "[number % 9])
        page.wait_for_timeout(50)
    page.wait_for_timeout(500)
    took = page.evaluate("keys")
    report.add(what="key to frame, CPU ÷ 4, p50, ms", measured=_percentile(took, 50), before="38")
    report.add(what="key to frame, CPU ÷ 4, p95, ms", measured=_percentile(took, 95), before="114")
    report.goals.append(Goal("page: key to frame with the CPU ÷ 4, p95 ms", _percentile(took, 95), 150, 100))
    page.context.close()


def _shift(
    browser: Browser, url: str, said: int, messages: int, room: str, before: str, report: Report
) -> None:
    page, _ = _open(browser, url, messages)
    page.evaluate("watch.begin()")
    for number in range(said):
        page.evaluate("chat.say('lobby')")
        page.wait_for_timeout(60)
        if number % 4 == 0:
            page.evaluate("document.querySelector('#text').value = 'mine'")
            page.evaluate("document.querySelector('#composer').requestSubmit()")
    page.wait_for_timeout(300)
    shift = page.evaluate("watch.found.shift")
    report.add(
        what=f"layout shift by {said * 5 // 4} messages in a room {room}", measured=shift, before=before
    )
    page.context.close()


def _open(browser: Browser, url: str, messages: int, script: str = "") -> tuple[Page, CDPSession]:
    """Open the page in a room of so many messages, of which the last are shown."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.add_init_script(CHAT + WATCH + f"chat.begin('lobby', {messages});" + script)
    page.goto(f"{url}?room=lobby&name=Ada")
    page.wait_for_selector(".message")
    page.wait_for_timeout(300)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    return page, devtools


def _metrics(devtools: CDPSession) -> dict[str, float]:
    found: dict[str, Any] = devtools.send("Performance.getMetrics")
    return {metric["name"]: metric["value"] for metric in found["metrics"]}


def _cpu(devtools: CDPSession) -> float:
    return _metrics(devtools)["TaskDuration"]


def _percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def _site(folder: Path = WEB) -> Iterator[str]:
    """Serve the page's files; yield the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
