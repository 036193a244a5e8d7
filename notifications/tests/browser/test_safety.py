"""What people write stays text, and the Content Security Policy is never violated."""

import pytest
from playwright.sync_api import expect

from notifications.delivery import notify
from notifications.models import InvalidNotification

from .pages import is_caught_up, open_bell, titles

NASTY = [
    "<script>document.title = 'pwned'</script>",
    "<img src=x onerror=\"document.title='pwned'\">",
    '<b hx-get="/inbox/preferences/" hx-trigger="load" hx-target="body">boo</b>',
    '</h3></article></li><hx-partial hx-target="#main">boo</hx-partial>',
    '<li id="cursor" hx-swap-oob="true">boo</li>',
    "{{ settings.SECRET_KEY }}{% debug %}",
]


@pytest.fixture
def asked():
    return []


@pytest.mark.parametrize("text", NASTY)
def test_what_is_sent_is_shown_as_text_in_feed_bell_toast_and_item(window, bo, text, asked):
    page = is_caught_up(window(bo).open(), bo)
    page.on("request", lambda request: asked.append(request.url) if "favicon" not in request.url else None)
    notify(bo, title=text, body=text, actor=text, key="nasty")
    expect(titles(page).first).to_have_text(text)
    expect(page.locator("#feed .excerpt")).to_have_text(text)
    expect(page.locator("#toast-nasty a")).to_have_text(text)
    expect(page).to_have_title("(2) Inbox · Belfry")
    expect(page.locator("#feed :is(script, img, b, [hx-get], li li)")).to_have_count(0)
    assert asked == []
    open_bell(page)
    expect(titles(page, "#bell-list").first).to_have_text(text)
    page.goto(page.url + "nasty/")
    expect(page.get_by_role("heading", level=1)).to_have_text(text)
    expect(page.locator(".whole .body")).to_have_text(text)


@pytest.mark.parametrize("url", ["javascript:document.title='pwned'", "//evil.example/", "data:text/html,boo"])
def test_a_link_that_could_run_a_script_is_not_taken(bo, url):
    with pytest.raises(InvalidNotification):
        notify(bo, title="Click me", url=url)


def test_a_link_in_a_body_leads_out_and_a_script_in_one_does_not(window, bo):
    notify(bo, title="Links", body="See https://example.com/a?b=1&c=2 and javascript:alert(1).", key="links")
    page = window(bo).open("/inbox/links/")
    expect(page.locator(".whole .body a")).to_have_count(1)
    expect(page.locator(".whole .body a")).to_have_attribute("href", "https://example.com/a?b=1&c=2")


def test_a_violation_of_the_policy_would_be_noticed(window, bo, complaints):
    """The tests of this folder fail when a page of theirs violates it; this one makes sure that they could."""
    page = window(bo).open()
    page.evaluate("document.body.setAttribute('onclick', 'boo()')")
    page.locator("main").click(position={"x": 1, "y": 1})
    expect(page.locator("main")).to_be_visible()
    assert any("script-src" in line for line in complaints)
    complaints.clear()
