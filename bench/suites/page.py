"""The chat page in Chromium, with a chat that is in the page: no server and no network is measured.

CPU is of the page's main thread (`threadTicks`), so that other work on the machine does not count. It
includes what makes the messages, which runs in the page, too. `before` is what the page took that had all
messages in its document, and drew each by itself.
"""

from __future__ import annotations

import gzip
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.report.report import Goal, Report, progress
from bench.worker import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

WEB = ROOT / "web"
CHAT = (ROOT / "bench" / "fakes" / "scripted_chat.js").read_text()
NO_FRAMES = """
Object.defineProperty(document, "hidden", { get: () => true });
requestAnimationFrame = () => 0;
"""
# Notes how long frames and tasks take, and what moves without an act of the reader.
WATCH = """() => {
    window.found = { frames: [], tasks: [], shift: 0 };
    const watch = (type, note) =>
        new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type });
    watch("longtask", ({ duration }) => found.tasks.push(duration));
    watch("layout-shift", ({ value, hadRecentInput }) => { if (!hadRecentInput) found.shift += value; });
    let last;
    const tick = (now) => {
        if (last) found.frames.push(now - last);
        last = now;
        requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
}"""
CLIMB = """async (first) => {
    const box = document.querySelector("#scroll");
    const text = () => document.querySelector(".message .text").textContent;
    while (text() !== first || box.scrollTop > 0) {
        box.scrollTop -= box.clientHeight;
        await new Promise((resolve) => requestAnimationFrame(resolve));
    }
}"""
# From a key press to the frame that shows it.
KEYS = """() => {
    window.keys = [];
    addEventListener("keydown", ({ timeStamp }) =>
        requestAnimationFrame(() => setTimeout(() => keys.push(performance.now() - timeStamp))), true);
}"""


@dataclass(frozen=True, slots=True)
class Plan:
    seconds: int  # of a storm
    history: int  # messages to climb back
    keys: int


FULL = Plan(seconds=5, history=10_000, keys=120)
QUICK = Plan(seconds=1, history=500, keys=5)


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
        executable = shutil.which("chromium")
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu"]
        )
        for storm in STORMS:
            progress(f"page: {MESSAGES_PER_SECOND} messages/s, {storm.where}, {storm.per_frame} a frame")
            _storm(browser, url, storm, plan.seconds, report)
        progress(f"page: {plan.history:,} messages back to the start")
        _climb(browser, url, plan.history, report)
        progress("page: typing, with the CPU four times as slow")
        _type(browser, url, plan.keys, report)
        _shift(browser, url, 5, "which fills from below", "0.04 to 0.13", report)
        _shift(browser, url, 60, "which is full", "", report)
        browser.close()
    _sizes(report)
    return report


def _storm(browser: Browser, url: str, storm: Storm, seconds: int, report: Report) -> None:
    page, devtools = _open(browser, url, 500, NO_FRAMES if storm.where == "hidden" else "")
    if storm.where == "scrolled up":
        page.evaluate("document.querySelector('#scroll').scrollTop -= 1500")
    page.wait_for_timeout(300)
    page.evaluate(WATCH)
    cpu = _cpu(devtools)
    options = {"perSecond": MESSAGES_PER_SECOND, "seconds": seconds, "perFrame": storm.per_frame}
    took = page.evaluate(
        """async (options) => {
            const last = await chat.storm("lobby", options);
            const sent = performance.now();
            const isShown = () => {
                const newest = document.querySelector(".row:last-child .text").textContent;
                return newest === `message ${last}` || document.title.startsWith(`(${last - 500})`);
            };
            while (!isShown()) await new Promise((resolve) => setTimeout(resolve, 5));
            return (performance.now() - sent) / 1000;
        }""",
        options,
    )
    used = _cpu(devtools) - cpu
    found = page.evaluate("found")
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
    page.evaluate(WATCH)
    cpu = _cpu(devtools)
    seconds = page.evaluate(
        f"async () => {{ const began = performance.now(); await ({CLIMB})('message 1');"
        " return (performance.now() - began) / 1000; }"
    )
    used = _cpu(devtools) - cpu
    found = page.evaluate("found")
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


def _type(browser: Browser, url: str, keys: int, report: Report) -> None:
    page, devtools = _open(browser, url, 500)
    page.evaluate(KEYS)
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


def _shift(browser: Browser, url: str, messages: int, room: str, before: str, report: Report) -> None:
    page, _ = _open(browser, url, messages)
    page.evaluate(WATCH)
    for number in range(24):
        page.evaluate("chat.say('lobby')")
        page.wait_for_timeout(60)
        if number % 4 == 0:
            page.evaluate("document.querySelector('#text').value = 'mine'")
            page.evaluate("document.querySelector('#composer').requestSubmit()")
    page.wait_for_timeout(300)
    shift = page.evaluate("found.shift")
    report.add(what=f"layout shift by 30 messages in a room {room}", measured=shift, before=before)
    page.context.close()


def _sizes(report: Report) -> None:
    """Add what the first load takes over the wire, with gzip."""
    parts = {
        "library": ([WEB / "roomcast.js", *(WEB / "roomcast").rglob("*.js")], "35"),
        "interface": ([WEB / "settings.js", *(WEB / "page").rglob("*.js")], "19"),
        "HTML and CSS": ([WEB / "index.html", *(WEB / "page").rglob("*.css")], "6"),
    }
    for name, (files, before) in parts.items():
        size = sum(len(gzip.compress(file.read_bytes(), 9)) for file in files) / 1024
        report.add(what=f"{name}, KB with gzip, {len(files)} files", measured=size, before=before)


def _open(browser: Browser, url: str, messages: int, script: str = "") -> tuple[Page, CDPSession]:
    """Open the page in a room of so many messages, of which the last are shown."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.add_init_script(CHAT + f"chat.begin('lobby', {messages});" + script)
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
