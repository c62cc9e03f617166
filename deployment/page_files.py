"""The files of web/ that make the page, as a bucket gets them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

# Not the mimetypes module: its table differs between machines. Files of other kinds are not published.
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
NOT_PUBLISHED = ("tests", "plain.html")  # plain.html's script is in itself, which the site's headers forbid

# Browsers ask each time if a file has changed, so that nobody runs files of two versions. CloudFront does so
# for the files that lead to the others, and keeps the rest until the next publication.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Expiration.html
ALWAYS_ASKED = "no-cache"
KEPT_BY_CLOUDFRONT = "max-age=0, must-revalidate, s-maxage=86400"
SETTINGS = "settings.js"
MANIFEST = "manifest.webmanifest"
ENTRIES = ("index.html", MANIFEST, "sw.js", SETTINGS)

_OWN_PATH = re.compile(r"^(\s*endpoint:\s*)([\"'])/[^\"'/]*\2", re.MULTILINE)
_NAME = re.compile(r"^\s*name:\s*([\"'])([^\"'\\]+)\1,?\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PageFile:
    key: str
    body: bytes
    content_type: str
    cache_control: str


def page_files(web: Path, stage: str) -> list[PageFile]:
    """Return the page's files, those last that lead to the others.

    An endpoint of settings.js that is a path on the page's own host becomes the stage's.
    The name there becomes that of the installed page, which browsers read from the manifest.
    """
    paths = [path for path in sorted(web.rglob("*")) if path.is_file() and path.suffix in CONTENT_TYPES]
    keys = {path.relative_to(web).as_posix(): path for path in paths}
    published = [key for key in keys if key.split("/")[0] not in NOT_PUBLISHED]
    published.sort(key=lambda key: key in ENTRIES)
    settings = keys[SETTINGS].read_text("utf-8") if SETTINGS in keys else ""
    return [_page_file(key, keys[key].read_bytes(), stage, settings) for key in published]


def _page_file(key: str, body: bytes, stage: str, settings: str) -> PageFile:
    if key == SETTINGS:
        body = _OWN_PATH.sub(rf"\1\2/{stage}\2", settings).encode()
    if key == MANIFEST and (name := _NAME.search(settings)):
        named = {"name": name[2], "short_name": name[2]}
        body = json.dumps(json.loads(body) | named, ensure_ascii=False, indent=2).encode()
    cache_control = ALWAYS_ASKED if key in ENTRIES else KEPT_BY_CLOUDFRONT
    return PageFile(key, body, CONTENT_TYPES[Path(key).suffix], cache_control)
