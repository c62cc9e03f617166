"""The page's first load in Chromium, over HTTP/2 with gzip: what it takes over the wire, and until when.

Each network has so many milliseconds there and back, and so many bytes per second. Its connection is open
already: the name's look-up, TCP and TLS come on top. So does the chat's handshake, as the chat is in the
page and answers at once. Chromium's own emulation would count each file as 3,000 bytes at least, which no
network does. Of several visits the fastest counts: other work on the machine only adds. `cpu_s` is of the
page's main thread, to which it adds nothing.

`unlisted` is the same without modulepreload, and `small` the page of 60 KB that had no list of rooms,
search or palette, from which the budgets are.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate

from bench.chromium import find_chromium
from bench.report.report import Goal, Report, progress
from bench.simulator import certificate
from bench.worker import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession

WEB = ROOT / "web"
FAKES = ROOT / "bench" / "fakes"
HOST = FAKES / "site_host.mjs"
CHAT = (FAKES / "scripted_chat.js").read_text()
# The seconds until the frame that shows the first message.
FIRST_MESSAGE = """
chat.begin("lobby", 50);
window.firstMessage = new Promise((resolve) => {
    new MutationObserver((_, observer) => {
        if (!document.querySelector(".message")) return;
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(() => resolve(performance.now() / 1000)));
    }).observe(document, { childList: true, subtree: true });
});
"""
# A comment, or what only looks like one inside: a string, a template, a regular expression.
COMMENT = re.compile(
    r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`"""
    r"""|/(?![*/])(?:\\.|\[(?:\\.|[^\]\n])*\]|[^/\\\n\[])+/[a-z]*)|//[^\n]*|/\*.*?\*/""",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Network:
    """`round_trip` is in milliseconds, `rate` in bytes per second; 0 is none and as fast as it goes."""

    name: str
    round_trip: int
    rate: int
    small: tuple[float, float]  # cold and warm
    budget: float  # cold


# The rates of Chromium's developer tools, and the round trips from which these make their latencies.
NETWORKS = (
    Network("none", 0, 0, (0.38, 0.19), 0.8),
    Network("Fast 4G", 60, 1_012_500, (0.81, 0.55), 0.9),
    Network("Slow 4G", 150, 180_000, (1.77, 1.29), 1.8),
    Network("3G", 400, 50_000, (4.17, 2.86), 5.0),
)
WARM_BUDGET = 0.3


@dataclass(frozen=True, slots=True)
class Plan:
    networks: tuple[Network, ...]
    visits: int


FULL = Plan(NETWORKS, visits=3)
QUICK = Plan(NETWORKS[:1], visits=1)


def run(plan: Plan = FULL) -> Report:
    report = Report("page-load: the page's first load in Chromium (KB and seconds)")
    _sizes(report)
    _visits(plan, report)
    return report


def _sizes(report: Report) -> None:
    """Add what the first load takes over the wire, and what is loaded later."""
    html = (WEB / "index.html").read_text()
    first = [WEB / name for name in re.findall(r'"modulepreload" href="(.+?)"', html)]
    library = [file for file in first if file.relative_to(WEB).parts[0].startswith("roomcast")]
    late = [file for file in (WEB / "page").rglob("*.js") if file not in first]
    parts: dict[str, tuple[list[Path], float, str]] = {
        "library": (library, 37, "35 in 22 files"),
        "interface": ([file for file in first if file not in library], 32, "19 in 15 files"),
        "HTML and CSS": ([WEB / "index.html", *(WEB / "page").rglob("*.css")], 11, "6 in 2 files"),
        "late parts": (late, 20, ""),
    }
    for name, (files, budget, small) in parts.items():
        report.add(
            part=name,
            KB_with_gzip=_zipped(file.read_bytes() for file in files),
            budget=budget,
            without_comments=_zipped(_without_comments(file) for file in files),
            files=len(files),
            small=small,
        )


def _zipped(bodies: Iterable[bytes]) -> float:
    return sum(len(gzip.compress(body, 9)) for body in bodies) / 1024


def _without_comments(file: Path) -> bytes:
    text = file.read_text()
    if file.suffix == ".js":
        text = COMMENT.sub(lambda found: found[1] or "", text)
    else:
        text = re.sub(r"<!--.*?-->|/\*.*?\*/", "", text, flags=re.DOTALL)
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip()).encode()


def _visits(plan: Plan, report: Report) -> None:
    from playwright.sync_api import sync_playwright

    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        pem, _ = certificate.make(Path(folder))
        browser = playwright.chromium.launch(
            executable_path=find_chromium(),
            args=["--no-sandbox", "--disable-gpu", f"--ignore-certificate-errors-spki-list={_spki(pem)}"],
        )
        for network in plan.networks:
            progress(f"page-load: {plan.visits} visits, network {network.name}")
            listed, unlisted = [], []
            with _site(pem, network) as url, _site(pem, network, "unlisted") as url_of_unlisted:
                for _ in range(plan.visits):  # in turns: the machine may be busier now than later
                    listed.append(_visit(browser, url))
                    unlisted.append(_visit(browser, url_of_unlisted))
            for index, (kind, budget) in enumerate((("cold", network.budget), ("warm", WARM_BUDGET))):
                took = min(visit[index][0] for visit in listed)
                report.add(
                    network=network.name,
                    visit=kind,
                    first_message_s=took,
                    budget=budget,
                    unlisted=min(visit[index][0] for visit in unlisted),
                    small=network.small[index],
                    cpu_s=min(visit[index][1] for visit in listed),
                )
                what = f"page-load, {network.name}, {kind}: seconds to the first message"
                report.goals.append(Goal(what, took, 2 * network.budget, budget))
        browser.close()


def _visit(browser: Browser, url: str) -> list[tuple[float, float]]:
    """Return the seconds, and those of CPU, to the first message of a first visit and of the next."""
    person = browser.new_context(viewport={"width": 1280, "height": 800}, service_workers="block")
    person.add_init_script(CHAT + FIRST_MESSAGE)
    page = person.new_page()
    page.goto(f"{url}icon.svg")  # opens the connection
    devtools = person.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    found = []
    for _ in range(2):
        page.goto(f"{url}?room=lobby&name=Ada", wait_until="commit")
        seconds = float(page.evaluate("firstMessage"))
        found.append((seconds, _cpu(devtools)))
        page.wait_for_load_state("networkidle")  # the late parts are there
    person.close()
    return found


def _cpu(devtools: CDPSession) -> float:
    """Return the seconds of the page's process, which is a new one for each visit."""
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))


@contextmanager
def _site(pem: Path, network: Network, *options: str) -> Iterator[str]:
    """Serve the page behind this network; yield the address."""
    files = [str(path) for path in (HOST, WEB, pem, pem.with_name("key.pem"))]
    command = ["node", *files, str(network.round_trip), str(network.rate), *options]
    host = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert host.stdout
    try:
        yield f"https://localhost:{host.stdout.readline().strip()}/"
    finally:
        host.terminate()
        host.wait()


def _spki(pem: Path) -> str:
    """Return what Chromium is to trust, unlike a certificate with an error, from which it keeps nothing."""
    key = load_pem_x509_certificate(pem.read_bytes()).public_key()
    found = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    return base64.b64encode(found).decode()
