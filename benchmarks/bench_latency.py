"""How long from the commit to the reader's page: one notification at a time, idle, browser and server on one machine.

The clock starts right after the commit that makes the notification true, in another process than the server's. The
stamping that follows, the bus, the hub, the rendering and the swap are inside. It stops when a MutationObserver in
Chromium sees the row in the DOM. Both clocks are this machine's: `time.time()` and `performance.timeOrigin + now()`.

Beside it runs the rival of `_tutorial.py`, on the same bus, in turns with ours.
"""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from _site import ROOT, Site, chromium_window, environment, running_site, sign_in, summary, table
from playwright.sync_api import Page

SAMPLES = 200
WARM_UP = 20
SPACING = 0.13  # seconds from ours to the rival's and back; over time a page gets at most 4 frames a second

OBSERVE = """() => {
  window.arrivals = {};
  new MutationObserver(changes => {
    const at = performance.timeOrigin + performance.now();
    for (const change of changes) for (const node of change.addedNodes) if (node.id) arrivals[node.id] ??= at;
  }).observe(document.getElementById("feed"), { childList: true });
}"""


def main() -> None:
    with running_site() as site, rival(site) as address, chromium_window() as browser:
        ours = sign_in(browser, site, "bo")
        theirs = ours.context.new_page()
        theirs.goto(address)
        theirs.locator("html[data-live=on]").wait_for(state="attached")
        for page in (ours, theirs):
            page.evaluate(OBSERVE)
        commits = take_turns(send_ours(), send_theirs())
        ours.wait_for_timeout(2000)
        report(*(latencies(page, sent) for page, sent in zip((ours, theirs), commits, strict=True)))


@contextmanager
def rival(site: Site) -> Iterator[str]:
    """The address of the tutorial's site, which shares database, bus and cookies with ours."""
    from django.conf import settings

    from config.tests.site import eventually, free_port

    port = free_port()
    settings_of_the_site = {
        "PORT": str(site.port),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "daphne", "-v0", "-p", str(port), "benchmarks._tutorial:application"]
    process = subprocess.Popen(command, env=environment(settings.VAR_DIR, **settings_of_the_site), cwd=ROOT)
    try:
        eventually(lambda: answers(port), "the rival answers")
        yield f"http://localhost:{port}/"
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    import urllib.request

    try:
        return urllib.request.urlopen(f"http://localhost:{port}/", timeout=5).status == 200
    except OSError:
        return False


def send_ours() -> Callable[[str], float]:
    """Sends a notification, and returns when it was committed."""
    from django.contrib.auth import get_user_model
    from django.db import transaction

    from notifications.delivery import notify

    def send(key: str) -> float:
        committed = []
        with transaction.atomic():
            transaction.on_commit(lambda: committed.append(time.time()))
            notify(bo, title=f"Number {key}", key=key)
        return committed[0]

    bo = get_user_model().objects.get(username="bo")
    return send


def send_theirs() -> Callable[[str], float]:
    """Sends a line of text as the tutorial does, and returns when it began; no database is involved."""
    from asgiref.sync import async_to_sync
    from channels.layers import get_channel_layer
    from django.contrib.auth import get_user_model

    def send(key: str) -> float:
        began = time.time()
        message = {"type": "notify", "key": key, "text": f"Number {key}"}
        async_to_sync(get_channel_layer().group_send)(group, message)
        return began

    group = f"tutorial.{get_user_model().objects.get(username='bo').pk}"
    return send


def take_turns(*sends: Callable[[str], float]) -> list[dict[str, float]]:
    """For each of them, when each key was committed. In a thread of its own: this one has Playwright's event loop."""
    commits: list[dict[str, float]] = [{} for _ in sends]
    with ThreadPoolExecutor(1) as sender:
        for number in range(WARM_UP + SAMPLES):
            for send, sent in zip(sends, commits, strict=True):
                sent[f"bench{number}"] = sender.submit(send, f"bench{number}").result()
                time.sleep(SPACING * random.uniform(0.9, 1.1))
    return commits


def latencies(page: Page, commits: dict[str, float]) -> list[float]:
    """Milliseconds from commit to DOM, without the warm-up."""
    arrivals = page.evaluate("arrivals")
    every = [arrivals[f"notification-{key}"] - committed * 1000 for key, committed in commits.items()]
    return every[WARM_UP:]


def report(ours: list[float], theirs: list[float]) -> None:
    print(f"\nFrom commit to DOM, one notification at a time, {SAMPLES} samples, milliseconds:\n")
    mine, rivals = summary(ours), summary(theirs)
    table(
        ["", "median", "95th %", "99th %"],
        [
            ["Belfry", *mine],
            ["a Channels tutorial consumer", *rivals],
            ["ratio", *(one / other for one, other in zip(mine, rivals, strict=True))],
            ["Belfry's aim: at most", 15.0, "", 60.0],
        ],
    )


if __name__ == "__main__":
    main()
