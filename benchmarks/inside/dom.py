"""A real browser at a site: from each sending to the row in Chromium's DOM, one at a time.

`python -m benchmarks.inside.dom MODULE ADDRESS URL READER COUNT`, in the surroundings of the contender whose ``Sender``
is in that module, prints the milliseconds as a line of JSON. The clock of ours starts right after the commit that makes
the notification true; stamping, bus, hub, rendering and swap are inside. The rival's starts when it begins to send. It
stops when a MutationObserver sees the row. Both clocks are this machine's.
"""

import importlib
import json
import os
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, sync_playwright

from config.tests.chromium import CHROMIUM_FLAGS, chromium

WARM_UP = 10
SPACING = 0.27  # seconds; over time a page of ours gets at most four frames a second

OBSERVE = """() => {
  window.arrivals = {};
  new MutationObserver(changes => {
    const at = performance.timeOrigin + performance.now();
    for (const change of changes) for (const node of change.addedNodes) {
      const found = /@@(\\d+)@@/.exec(node.textContent);
      if (found) arrivals[found[1]] ??= at;
    }
  }).observe(document.getElementById("feed"), { childList: true });
}"""


def main(module: str, address: str, url: str, reader: int, count: int) -> list[float]:
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright keeps an event loop in this thread
    sender = importlib.import_module(f"benchmarks.contenders.{module}").Sender(address)
    sender.gather(count=1, start=reader)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        page = browser.new_context().new_page()
        page.context.add_cookies([{"name": "belfry_session", "value": f"{reader:032d}", "url": origin(url)}])
        page.goto(url)
        page.locator("html[data-live=on]").wait_for(state="attached")
        page.evaluate(OBSERVE)
        sent = send(sender, WARM_UP + count)
        page.wait_for_function("count => Object.keys(arrivals).length >= count", arg=len(sent))
        return latencies(page, sent)


def origin(url: str) -> str:
    return urlsplit(url)._replace(path="").geturl()


def send(sender: Any, count: int) -> list[float]:
    """When each was sent. In a thread of its own: this one has Playwright's event loop."""
    sent = []
    with ThreadPoolExecutor(1) as thread:
        for number in range(count):
            sent.append(thread.submit(sender.send_timed, number).result())
            time.sleep(SPACING * random.uniform(0.9, 1.1))
    return sent


def latencies(page: Page, sent: list[float]) -> list[float]:
    """Milliseconds, without the warm-up."""
    arrivals = page.evaluate("arrivals")
    return [arrivals[str(number)] - at * 1000 for number, at in enumerate(sent)][WARM_UP:]


if __name__ == "__main__":
    *words, reader, count = sys.argv[1:]
    print(json.dumps(main(*words, int(reader), int(count))))
