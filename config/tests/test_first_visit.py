"""What a stranger does first, in a real browser on a real site."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from config.tests.site import Site

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with Site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def visitor(browser: Browser, site: Site):
    """A page of somebody in Tokyo; at the end, its console must be empty."""
    context = browser.new_context(timezone_id="Asia/Tokyo", base_url=f"http://localhost:{site.port}")
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type != "log" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def expect_live(page: Page) -> None:
    expect(page.locator("html")).to_have_attribute("data-live", "on")


def test_a_stranger_signs_up_and_the_site_knows_their_clock(visitor: Page):
    visitor.goto("/accounts/signup/")
    visitor.get_by_label("Username").fill("eve")
    for field in ("password1", "password2"):
        visitor.locator(f"input[name={field}]").fill("a horse that is correct")
    visitor.locator("main form button").click()
    expect(visitor).to_have_url(re.compile("/inbox/$"))
    expect_live(visitor)
    visitor.goto("/accounts/profile/")
    expect(visitor.locator("select[name=time_zone]")).to_have_value("Asia/Tokyo")
    expect_live(visitor)


def test_the_sign_in_page_offers_the_demo_and_bo_finds_a_busy_inbox(visitor: Page):
    visitor.goto("/")
    visitor.get_by_role("button", name=re.compile(r"\bbo\b")).click()
    expect(visitor).to_have_url(re.compile("/inbox/"))
    expect(visitor.locator("#badge")).to_have_attribute("data-count", re.compile("[1-9]"))
    expect(visitor.get_by_text("Two-step sign-in becomes the rule in January").first).to_be_visible()
    expect_live(visitor)


def test_dana_reads_from_right_to_left(visitor: Page):
    visitor.goto("/accounts/login/")
    visitor.get_by_role("button", name=re.compile(r"\bdana\b")).click()
    expect(visitor.locator("html")).to_have_attribute("dir", "rtl")
    expect(visitor.locator("html")).to_have_attribute("lang", "ar")
    expect_live(visitor)
