"""Kill anything at any moment: a real site, a real Chromium, and processes that end by kill -9."""

import re
import subprocess
import sys

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from config.tests.site import Site, environment, eventually

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("kill")]

PATIENCE = 40_000  # ms

SEND_TWENTY = """
from django.contrib.auth import get_user_model
from notifications.delivery import notify, retract
from notifications.models import Inbox
bo = get_user_model().objects.get(username="bo")
for n in range({first}, {first} + 20):
    notify(bo, title=f"Number {{n}} of many", key=f"many-{{n}}")
retract(bo, "many-{first}")
Inbox.objects.of(bo).mark_read("many-{second}")
"""
DIE_UNSTAMPED = """
import os
from unittest.mock import patch
from django.contrib.auth import get_user_model
from notifications import delivery
with patch.object(delivery, "settle", lambda ids: os._exit(9)):
    delivery.notify(get_user_model().objects.get(username="bo"), title="Sent by a writer that died")
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with Site(tmp_path_factory.mktemp("killed")) as site:
        eventually(lambda: "Ctrl-C stops everything." in site.output, "the welcome")
        yield site


@pytest.fixture
def inbox(site: Site, page: Page) -> Page:
    """Bo's inbox, live."""
    page.goto(f"http://localhost:{site.port}/accounts/login/")
    page.locator("input[name=username]:visible").fill("bo")
    page.locator("input[name=password]:visible").fill("belfry-demo")
    page.locator("input[name=password]:visible").press("Enter")
    expect(page.locator("html[data-live=on]")).to_be_attached(timeout=PATIENCE)
    return page


def run(site: Site, code: str) -> int:
    """Run Python in a process of its own, as a worker or a shell would."""
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    env = environment(site.var_dir, PORT=str(site.port))
    return subprocess.run(command, cwd=settings.BASE_DIR, env=env, check=False).returncode


def shown(page: Page) -> dict[str, object]:
    """What its reader sees, without relative times and the glow of what is new."""
    rows = page.locator("#feed .notification")
    html = rows.evaluate_all("rows => rows.map(row => row.outerHTML)")
    return {
        "rows": [re.sub(r"<time.*?</time>|\s+", " ", row) for row in html],
        "badge": page.locator("#badge").text_content(),
        "counts": page.locator(".count").all_text_contents(),
        "title": page.title(),
    }


def assert_equals_a_fresh_page(page: Page) -> None:
    """Down to where the fresh one ends, since a page keeps what it has."""
    pushed = shown(page)
    page.reload()
    fresh = shown(page)
    length = len(fresh["rows"])
    assert length >= 20
    assert {**pushed, "rows": pushed["rows"][:length]} == fresh
    assert len(set(pushed["rows"])) == len(pushed["rows"])


def send_twenty(site: Site, first: int) -> str:
    assert run(site, SEND_TWENTY.format(first=first, second=first + 1)) == 0
    return f"Number {first + 19} of many"


def test_the_server_is_killed_while_twenty_arrive(site, inbox):
    site.child("manage.py serve").kill()
    expect(inbox.locator("#feed")).to_contain_text(send_twenty(site, 100), timeout=PATIENCE)
    assert_equals_a_fresh_page(inbox)


def test_the_bus_is_killed_while_twenty_arrive(site, inbox):
    site.child("valkey-server").kill()
    expect(inbox.locator("#feed")).to_contain_text(send_twenty(site, 200), timeout=PATIENCE)
    expect(inbox.locator("#notification-many-200")).not_to_be_attached(timeout=PATIENCE)
    expect(inbox.locator("#notification-many-201")).to_have_attribute("data-state", "read", timeout=PATIENCE)
    assert_equals_a_fresh_page(inbox)


def test_everything_is_killed_while_twenty_arrive(site, inbox):
    for word in ("manage.py serve", "valkey-server", "manage.py tick", "celery"):
        site.child(word).kill()
    expect(inbox.locator("#feed")).to_contain_text(send_twenty(site, 300), timeout=PATIENCE)
    expect(inbox.locator("#notification-many-300")).not_to_be_attached(timeout=PATIENCE)
    expect(inbox.locator("#notification-many-301")).to_have_attribute("data-state", "read", timeout=PATIENCE)
    assert_equals_a_fresh_page(inbox)


def test_what_a_writer_committed_that_was_killed_before_it_could_tell_is_shown(site, inbox):
    assert run(site, DIE_UNSTAMPED) == 9
    expect(inbox.locator("#feed")).to_contain_text("Sent by a writer that died", timeout=PATIENCE)
