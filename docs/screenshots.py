"""make screenshots: the README's pictures, taken from a site that runs for as long as this takes."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings_test"

from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

from config.tests.chromium import CHROMIUM_FLAGS, chromium  # noqa: E402
from config.tests.site import Site, environment  # noqa: E402

IMAGES = ROOT / "docs" / "images"
WIDE, NARROW = {"width": 1180, "height": 760}, {"width": 390, "height": 760}
TALL = {"width": 1280, "height": 880}


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, Site(Path(directory)) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        address = f"http://localhost:{site.port}"
        take(window(browser, address, "light"), "sign-in")
        for scheme in ("light", "dark"):
            take(signed_in(window(browser, address, scheme), "bo"), f"inbox-{scheme}")
        take(written(signed_in(window(browser, address, "light", TALL), "ada")), "broadcast")
        take(with_bell(signed_in(window(browser, address, "light"), "bo")), "bell")
        others = [in_the_room(signed_in(window(browser, address, "light"), name)) for name in ("ada", "chi")]
        take(with_people(in_the_room(signed_in(window(browser, address, "light", TALL), "bo"))), "room")
        for page in others:
            page.context.close()
        take(signed_in(window(browser, address, "light"), "dana"), "right-to-left")
        take(signed_in(window(browser, address, "dark", NARROW), "bo"), "phone")
        take(with_jobs(signed_in(window(browser, address, "light"), "bo"), site), "jobs")
        browser.close()


def window(browser: Browser, address: str, scheme: str, size: dict[str, int] | None = None) -> Page:
    context = browser.new_context(base_url=address, color_scheme=scheme, viewport=size or WIDE, reduced_motion="reduce")
    page = context.new_page()
    page.goto("/accounts/login/")
    return page


def signed_in(page: Page, username: str) -> Page:
    page.locator("form", has=page.locator(f'input[value="{username}"]')).locator("button").click()
    expect(page.locator("html")).to_have_attribute("data-live", "on")
    return page


def with_bell(page: Page) -> Page:
    page.locator("[popovertarget=bell]:visible").first.click()
    expect(page.locator("#bell-list .notification").first).to_be_visible()
    return page


def written(page: Page) -> Page:
    """A broadcast that somebody is writing."""
    page.goto("/broadcasts/new/")
    page.get_by_role("textbox", name="Title").fill("The lighthouse is dark on Thursday night")
    text = "Its lamp is **cleaned** from 22:00 to 02:00.\n\n- The harbour stays open\n- Pilots are on call"
    page.get_by_role("textbox", name="Text").fill(text)
    page.get_by_role("radio", name="Warning").check(force=True)
    expect(page.locator("#preview .banner").first).to_contain_text("lighthouse")
    return page


def with_jobs(page: Page, site: Site) -> Page:
    """Some that have ended, and some that run."""
    page.goto("/jobs/")
    demo(site, "link", "failed")
    for state in ("succeeded", "failed"):
        expect(page.locator(f'#jobs .job[data-state="{state}"]')).to_be_visible(timeout=60_000)
    demo(site, "retry", "file", "unknown")
    expect(page.locator('#jobs .job[data-state="retrying"]')).to_be_visible(timeout=60_000)
    expect(page.locator("#jobs .job-words", has_text="2 of 3: ")).to_be_visible(timeout=60_000)
    for button in page.locator("#toasts button").all():
        button.click()
    return page


def in_the_room(page: Page) -> Page:
    page.goto("/rooms/fog/")
    expect(page.locator("html")).to_have_attribute("data-live", "on")
    return page


def with_people(page: Page) -> Page:
    """When all who have it open are shown there."""
    expect(page.locator("#here .avatar")).to_have_count(3, timeout=20_000)
    page.locator("#compose textarea").fill("Tonight at ten, when the last boat is in.")
    page.wait_for_timeout(500)  # the button takes its colour
    return page


def demo(site: Site, *scenes: str) -> None:
    command = [sys.executable, "manage.py", "demo_jobs", "bo", "--only", *scenes]
    surroundings = environment(site.var_dir, PORT=str(site.port))
    subprocess.run(command, cwd=ROOT, env=surroundings, check=True, stdout=subprocess.DEVNULL)


def take(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=IMAGES / f"{name}.png")
    print(f"docs/images/{name}.png")
    page.context.close()


if __name__ == "__main__":
    main()
