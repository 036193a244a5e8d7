"""What benchmarks share: a site that this process is a part of, a browser to look at it, and the table at the end."""

import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

from config.tests.chromium import CHROMIUM_FLAGS, chromium  # noqa: E402
from config.tests.site import Site, environment  # noqa: E402

__all__ = ["chromium_window", "environment", "running_site", "sign_in", "summary", "table"]


@contextmanager
def running_site() -> Iterator[Site]:
    """The demo site as `make run` starts it. In the block, this process can call `notify()` on its database and bus."""
    import django

    with tempfile.TemporaryDirectory(prefix="belfry-bench-") as directory:
        os.environ |= {"VAR_DIR": directory, "DEBUG": "1", "DJANGO_SETTINGS_MODULE": "config.settings"}
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright keeps an event loop in this thread
        django.setup()
        with Site(Path(directory)) as site:
            yield site


@contextmanager
def chromium_window() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        sys.exit("This benchmark needs a Chromium: install one, or name it in CHROMIUM.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


def sign_in(browser: Browser, site: Site, username: str) -> Page:
    """A window whose reader is signed in and whose page is live."""
    page = browser.new_context(base_url=f"http://localhost:{site.port}").new_page()
    page.goto("/accounts/login/")
    page.locator("form", has=page.locator(f'input[value="{username}"]')).locator("button").click()
    expect(page.locator("html")).to_have_attribute("data-live", "on")
    return page


def summary(samples: list[float]) -> list[float]:
    """Median, 95th and 99th percentile."""
    cuts = statistics.quantiles(samples, n=100, method="inclusive")
    return [statistics.median(samples), cuts[94], cuts[98]]


def table(head: list[str], rows: list[list[object]]) -> None:
    cells = [[one if isinstance(one, str) else f"{one:,.1f}" for one in row] for row in [head, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        print(
            "  ".join(
                one.ljust(width) if at == 0 else one.rjust(width)
                for at, (one, width) in enumerate(zip(row, widths, strict=True))
            )
        )
