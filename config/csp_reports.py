"""What browsers report of violations of our Content Security Policy: one line in the log for each kind.

Anybody can send anything here, and an extension of one browser can send the same a thousand times. So nothing is kept,
little is read, of what is written down each kind stands there once an hour, and the kinds are few.
"""

import json
import logging
import re
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

log = logging.getLogger(__name__)

BYTES_LIMIT = 16 * 1024  # of one message
REPORTS_LIMIT = 20  # of one message that are looked at
KINDS_LIMIT = 50  # lines an hour and process
HOUR = 3600.0  # seconds
CONTENT_TYPES = {"application/csp-report", "application/reports+json", "application/json"}
NOT_OURS = ("moz-extension", "chrome-extension", "safari-extension", "safari-web-extension", "about", "chrome")
STRANGE = re.compile(r"[^A-Za-z0-9._:/ \[\]-]")

Kind = tuple[str, str, str]  # the directive, what was blocked, the page


@csrf_exempt
@require_POST
@never_cache
def take_report(request: HttpRequest) -> HttpResponse:
    """204 for reports, 413 and 400 for what is none. Browsers send no token with them, and need no answer."""
    content = request.read(BYTES_LIMIT + 1)
    if len(content) > BYTES_LIMIT:
        return HttpResponse(status=413)
    if request.content_type not in CONTENT_TYPES:
        return HttpResponse(status=400)
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return HttpResponse(status=400)
    kinds = set(kinds_of(said))
    for kind in kinds - {None}:
        book.note(kind)  # type: ignore[arg-type]
    return HttpResponse(status=204 if kinds else 400)


def kinds_of(said: Any) -> Iterator[Kind | None]:
    """What each report is about; None for those that are about something in the browser and not of this site. Both
    shapes are known: one object with "csp-report", and the Reporting API's list of objects with "body"."""
    reports = said if isinstance(said, list) else [said]
    for report in reports[:REPORTS_LIMIT]:
        body = report.get("csp-report", report.get("body")) if isinstance(report, dict) else None
        if not isinstance(body, dict):
            continue
        directive = body.get("effective-directive") or body.get("effectiveDirective") or body.get("violated-directive")
        blocked = body.get("blocked-uri", body.get("blockedURL"))
        page = body.get("document-uri", body.get("documentURL"))
        source = body.get("source-file", body.get("sourceFile"))
        if not isinstance(directive, str) or not isinstance(blocked, str):
            continue
        if scheme_of(blocked) in NOT_OURS or scheme_of(source) in NOT_OURS:
            yield None
        else:
            yield plain(directive.partition(" ")[0]), plain(origin_of(blocked)), plain(path_of(page))


def scheme_of(address: object) -> str:
    return address.partition(":")[0] if isinstance(address, str) else ""


def origin_of(address: str) -> str:
    """Of an address its origin; words such as "inline" as they are. The rest may be somebody's secret."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "?"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else parts.scheme or parts.path


def path_of(address: object) -> str:
    """Without keys of items and ids: one page in a thousand inboxes is one kind."""
    try:
        path = urlsplit(address).path if isinstance(address, str) else ""
    except ValueError:
        return "?"
    if not path.startswith("/"):
        return ""
    return "/".join(path.split("/")[:2])


def plain(text: str) -> str:
    return STRANGE.sub("?", text)[:100]


class Book:
    """What was written down in this hour, by this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.began = float("-inf")
        self.kinds: set[Kind] = set()

    def note(self, kind: Kind) -> None:
        with self.lock:
            if time.monotonic() - self.began > HOUR:
                self.began, self.kinds = time.monotonic(), set()
            if kind in self.kinds or len(self.kinds) > KINDS_LIMIT:
                return
            self.kinds.add(kind)
            is_full = len(self.kinds) > KINDS_LIMIT
        if is_full:
            log.warning("There are more violations of the Content Security Policy than are written down in an hour.")
        else:
            log.warning("The Content Security Policy was violated: %s by %s on %s", *kind)


book = Book()
