"""Hostile texts in a real browser, pushed and loaded: nothing runs, nothing is asked for, no violation is reported."""

import pytest
from playwright.sync_api import Page, expect

from config.tests.site import eventually
from notifications.delivery import notify
from notifications.tests.hostile import CORPUS, Everything

from .pages import is_caught_up, open_bell, up_to_date

LINE = "The Content Security Policy was violated"
#: The page's own parts, found by the names that some texts give themselves.
OWN = {"resume": "FORM", "act": "FORM", "cursor": "INPUT", "live": "DIV", "feed": "OL", "position": "SPAN"}
#: What would show that something of a text has become alive.
ALIVE = """() => [
  window.pwned && "a script ran",
  document.querySelector("base, iframe, object, embed, meta[http-equiv=refresh]") && "an element of no page of ours",
  [...document.querySelectorAll("*")].find((one) => [...one.attributes].some(({name, value}) =>
    name.startsWith("on") || /^\\\\s*(javascript|data|vbscript):/i.test(value)))?.outerHTML,
  location.origin !== document.body.baseURI.slice(0, location.origin.length) && "another base",
].filter(Boolean)"""


@pytest.fixture
def log(server):
    """What the server has written since the test began."""
    start = server.log.stat().st_size
    return lambda: server.log.read_bytes()[start:].decode()


@pytest.fixture
def asked():
    """Requests that no page of ours makes, and dialogs."""
    return []


def watched(page: Page, asked: list[str], home: str) -> Page:
    def note(request):
        if not request.url.startswith(home) or "pwned" in request.url or "evil" in request.url:
            asked.append(request.url)

    page.on("dialog", lambda dialog: asked.append(f"dialog {dialog.message}"))
    page.on("request", note)
    return page


def is_unharmed(page: Page) -> None:
    assert page.evaluate(ALIVE) == [], page.url


def own_parts(page: Page) -> dict[str, str]:
    return page.evaluate("ids => Object.fromEntries(ids.map(id => [id, document.getElementById(id)?.tagName]))", [*OWN])


def test_pushed_over_the_socket_they_are_text_in_feed_bell_and_toasts(window, bo, asked, log, settings):
    page = watched(is_caught_up(window(bo).open(), bo), asked, window.url)
    open_bell(page)
    texts = [text for text in CORPUS if "\x00" not in text]
    for number, text in enumerate(texts):
        notify(
            bo, title=text[:200], body=text, actor=text[:100], reason=text[:200], key=f"h{number}", category="general"
        )
    up_to_date(page, bo)
    for list_ in ("#feed", "#bell-list"):
        expect(page.locator(f"{list_} .notification h3 a").first).to_have_text(texts[-1][:200].strip())
    is_unharmed(page)
    assert own_parts(page) == OWN
    page.reload()
    is_unharmed(page)
    assert own_parts(page) == OWN
    assert asked == []
    assert LINE not in log()


def test_every_page_of_readers_and_staff_shows_them_without_a_violation(window, bo, ada, asked, log):
    ada.is_superuser = True
    ada.save()
    reader, staff = window(bo), window(ada)
    for text in ("".join(CORPUS[:8]), "".join(CORPUS[8:20])):
        everything = Everything(text, bo, ada)
        for browser, paths in ((reader, everything.of_reader()), (staff, everything.of_staff())):
            page = watched(browser.context.new_page(), asked, window.url)
            for path in paths:
                page.goto(browser.server.url + path)
                is_unharmed(page)
            page.close()
        everything.remove()
    assert asked == []
    assert LINE not in log()


def test_the_administration_works_under_the_policy(server, window, bo, ada, log):
    server.kill()  # it remembers the content types of the last test's database
    server.start()
    ada.is_superuser = True
    ada.save()
    page = window(ada).open("/admin/accounts/user/", live=False)
    page.get_by_role("link", name="bo", exact=True).click()
    page.locator("#id_display_name").fill("Bo the Second")
    page.get_by_role("link", name="Today").last.click()  # its scripts run
    expect(page.locator("#id_user_permissions_from")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    page.locator("#searchbar").fill("bo")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Bo the Second")).to_be_visible()
    assert LINE not in log()


def test_a_violation_would_have_been_reported(window, bo, complaints, log):
    page = window(bo).open()
    page.evaluate("document.body.append(Object.assign(new Image(), {src: 'https://not-ours.example/x.png'}))")
    eventually(lambda: f"{LINE}: img-src by https://not-ours.example on /inbox" in log(), "the report")
    assert any("img-src" in line for line in complaints)
    complaints.clear()
