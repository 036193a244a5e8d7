"""What `doctor --live` finds: an echo goes the whole way to a page, which is this shell, and back."""

import re
from collections.abc import Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from notifications.echo import ALONG, BUS, SWEEP, Part, TooSoon, send_echo, take_back

from .shell_door import NoWay
from .shell_page import ShellPage, open_page

SETTLING = 1.0  # seconds for the page's server to begin to listen for it, which nobody tells
PATIENCE = 15.0  # seconds for the echo
PART = re.compile(r'data-part="(\w+)" data-took="(\d*)"')

#: Each part's line, and what it says.
SAID = {
    "written": ("written", "{ms} ms to write it to the database."),
    "stamped": ("stamped", "{ms} ms to give it its place in the inbox."),
    BUS: ("heard", "{ms} ms over the bus to the server of this page."),
    SWEEP: (
        "heard",
        "{ms} ms until the sweep found it: the bus did not bring it. Check that all processes have the same REDIS_URL, "
        "and look at belfry_nudges_total.",
    ),
    ALONG: ("heard", "It was brought along by something else that was new."),
    "rendered": ("rendered", "{ms} ms to read and render it."),
    "returned": ("returned", "{ms} ms to this page and back."),
}


def live_findings(site: str, user: Any) -> Iterator[tuple[str, bool, str]]:
    try:
        with open_page(site, user) as page:
            parts = go_round(page, user)
    except NoWay as error:
        yield "live", False, str(error)
    except TooSoon as error:
        yield "live", False, f"An echo of {user} has just been sent. Try again in {error.wait} s."
    else:
        yield from told(parts, user)


def go_round(page: ShellPage, user: Any) -> list[Part]:
    """Raises NoWay where the echo does not come, TooSoon where another one is under way."""
    for _ in page.frames(SETTLING):
        continue
    sent = send_echo(user)
    try:
        return result_of(page)
    finally:
        take_back([(user, sent.key)])


def result_of(page: ShellPage) -> list[Part]:
    has_come = False
    for frame in page.frames(PATIENCE):
        if found := PART.findall(frame):
            return [Part(name, int(took) if took else None) for name, took in found]
        has_come = has_come or "data-at-once" in frame
    if has_come:
        raise NoWay(f"The echo came and was acknowledged, but its server told nothing of it within {PATIENCE:.0f} s.")
    raise NoWay(
        f"No echo came within {PATIENCE:.0f} s, by the bus or by the sweep. Has this shell the site's DATABASE_URL? "
        "The server's log says whether it reaches the database."
    )


def told(parts: list[Part], user: Any) -> Iterator[tuple[str, bool, str]]:
    for part in parts:
        what, said = SAID[part.name]
        yield what, part.name != SWEEP, said.format(ms="?" if part.took is None else part.milliseconds)
    whole = Part("returned", sum(part.took or 0 for part in parts))
    yield "sum", True, f"{whole.milliseconds} ms for the whole way of an echo to {user} and back."


def reader_named(name: str) -> Any:
    """That user; without a name the first active superuser, else the first active member of the staff."""
    users = get_user_model()._default_manager.order_by("pk")
    active = users.filter(is_active=True)
    if name:
        found = active.filter(**{get_user_model().USERNAME_FIELD: name}).first()
    else:
        found = active.filter(is_superuser=True).first() or active.filter(is_staff=True).first()
    if found is None:
        raise CommandError(
            f"There is no active user {name!r}." if name else "There is nobody of the staff: --user NAME"
        )
    return found
