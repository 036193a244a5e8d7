"""Every page passes axe: light and dark, wide and narrow, from left to right and from right to left."""

from datetime import timedelta
from functools import cache

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils.timezone import now
from playwright.sync_api import Page, expect

from notifications.delivery import notify
from notifications.models import Thread
from notifications.threads import block, edit, invite, say, start_room, write_to

from .pages import is_caught_up, open_bell

PAGES = [
    "/inbox/",
    "/inbox/?view=unread",
    "/inbox/?view=archived",
    "/inbox/?view=saved",
    "/inbox/?view=snoozed",
    "/inbox/?q=lunch",
    "/inbox/?q=nothing+of+that+kind&view=unread",
    "/inbox/talk-2/more/",
    "/inbox/gone/?show",
    "/inbox/?view=category%3Apeople",
    "/inbox/letter/",
    "/inbox/preferences/",
    "/threads/",
    "/threads/new/",
    "/threads/rooms/",
    "/threads/rooms/?q=nothing+of+that+kind",
    "/threads/rooms/new/",
    "/rooms/kitchen/",
    "/rooms/kitchen/?before=3",
    "/rooms/kitchen/?q=soup",
    "/rooms/kitchen/?q=zebra",
    "/rooms/hall/",
    "/accounts/profile/",
    "/accounts/password/",
    "/nowhere/",
]
DOORS = ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/nowhere/"]
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 360, "height": 740}


@cache
def axe() -> str:
    return (settings.BASE_DIR / "node_modules" / "axe-core" / "axe.min.js").read_text()


AT_REST = """Promise.allSettled(document.getAnimations()
  .filter(one => one.effect.getTiming().iterations !== Infinity).map(one => one.finished)).then(() => 0)"""


def violations(page: Page) -> list[str]:
    """What axe objects to, when whatever moves has come to rest."""
    page.evaluate(AT_REST)
    page.evaluate(axe())
    found = page.evaluate("axe.run().then(({ violations }) => violations)")
    return [
        f"{page.url}: {one['help']} ({one['id']}): {node['html'][:200]} {node['failureSummary']}"
        for one in found
        for node in one["nodes"]
    ]


@pytest.fixture(params=["light", "dark"])
def scheme(request):
    return request.param


@pytest.fixture(params=[WIDE, NARROW], ids=["wide", "narrow"])
def viewport(request):
    return request.param


@pytest.fixture(params=["bo", "dana"])
def reader(request):
    return request.getfixturevalue(request.param)


def fill(user):
    notify(user, title="Lunch is ready", body="In the kitchen.", category="people", actor="Ada Okafor", key="lunch")
    for level in ("success", "warning", "error"):
        notify(user, title=f"A {level}", level=level, key=level, reason="Because you are staff")
    notify(user, title="A letter", body="Dear Bo,\n\nsee https://example.com/.", key="letter")
    notify(user, title="Put away", key="away")
    user.inbox.archive("away")
    for number in range(3):
        talk = {"actor": f"Person {number}", "target": user, "category": "people", "group_key": "talk"}
        notify(user, title=f"Said {number}", body="Words.", key=f"talk-{number}", **talk)
    for key in ("asleep", "gone", "kept"):
        notify(user, title=key, key=key)
    user.inbox.snooze("asleep", until=now() + timedelta(days=1))
    user.inbox.mark_saved("kept")
    user.inbox.mark_unavailable("gone")
    user.inbox.mute("conversation", "other", "Another talk", None)
    user.inbox.mark_read("warning")
    let_them_talk(user)


def let_them_talk(user):
    """A room of theirs, an open one, a conversation, and somebody from whom they want nothing."""
    other = get_user_model().objects.create_user("eve", display_name="Eve Brook")
    kitchen = start_room(user, "Kitchen", about="Who cooks.")
    invite(user, kitchen, [other])
    edit(user, say(user, kitchen, "Soup"), "Soup, and `bread`")
    say(other, kitchen, f"@{user.get_username()} > quoted\n\n```\ncode\n```\n\n- [a list](https://example.com/)")
    say(other, start_room(other, "Hall"), "Welcome")
    write_to(other, user, "Hello")
    block(user, other)


def test_every_page(window, reader, scheme, viewport):
    fill(reader)
    page = window(reader, viewport=viewport, color_scheme=scheme, reduced_motion="reduce").open()
    found = []
    for path in PAGES:
        page.goto(window.url + path)
        found += violations(page)
    assert found == [], "\n".join(found)


def test_the_doors(window, scheme, viewport):
    page = window(viewport=viewport, color_scheme=scheme, reduced_motion="reduce").open(DOORS[0], live=False)
    found = []
    for path in DOORS:
        page.goto(window.url + path)
        found += violations(page)
    assert found == [], "\n".join(found)


def test_an_empty_inbox(window, bo, scheme):
    page = window(bo, color_scheme=scheme, reduced_motion="reduce").open()
    assert violations(page) == []


def test_what_opens_on_a_page(window, reader, scheme, viewport):
    """Toasts, the button for new rows, the bell, both menus, and the list of keys."""
    page = is_caught_up(window(reader, viewport=viewport, color_scheme=scheme, reduced_motion="reduce").open(), reader)
    page.locator("#feed .notification").first.focus()
    fill(reader)
    expect(page.locator("#toasts .toast")).to_have_count(4)
    expect(page.locator("#new-rows")).to_be_visible()
    found = violations(page)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    found += violations(page)
    page.keyboard.press("Escape")
    page.locator("#toasts").evaluate("box => box.replaceChildren()")
    open_bell(page)
    expect(page.locator("#bell-list .notification").first).to_be_visible()
    found += violations(page)
    page.keyboard.press("Escape")
    page.locator("#account-button").click()
    found += violations(page)
    page.keyboard.press("Escape")
    page.locator("#archive-all-button").click()
    found += violations(page)
    assert found == [], "\n".join(found)


def test_what_opens_for_triage(window, reader, scheme, viewport):
    """Ticked rows and what can be done with them, an open group, the menu of a row, and the offer to undo."""
    fill(reader)
    page = window(reader, viewport=viewport, color_scheme=scheme, reduced_motion="reduce").open()
    page.locator("#notification-talk-2 summary").click()
    page.locator("#pick-letter").check()
    expect(page.locator("#selection")).to_be_visible()
    found = violations(page)
    page.locator("#selection button[popovertarget]").click()
    expect(page.locator("#selection-snooze")).to_be_visible()
    found += violations(page)
    page.keyboard.press("Escape")
    page.locator("[data-clear]").click()
    page.locator("#notification-more-talk-2").click()
    expect(page.locator("#more")).to_be_visible()
    found += violations(page)
    page.locator('#more button[value^="tomorrow"]').click()
    expect(page.locator("#undo-button")).to_be_visible()
    found += violations(page)
    assert found == [], "\n".join(found)


def test_what_opens_in_a_conversation(window, reader, scheme, viewport):
    """Its menus, what can be done with a message, a refusal, and suggestions of people."""
    fill(reader)
    kitchen = Thread.objects.get(topic="room:kitchen")
    page = window(reader, viewport=viewport, color_scheme=scheme, reduced_motion="reduce").open("/rooms/kitchen/")
    expect(page.locator("#here .avatar")).to_be_visible()
    page.locator("#compose-text").fill("x" * 4001)
    page.locator(".compose-send").click()
    expect(page.locator("#compose-problem")).not_to_be_empty()
    found = violations(page)
    for button in ("[popovertarget=level-menu]", ".thread-tools [popovertarget=thread-menu]"):
        page.locator(button).click()
        found += violations(page)
        page.keyboard.press("Escape")
    for number in (1, 2):
        page.locator(f"#message-{number}").hover()
        page.locator(f"#message-more-{number}").click()
        expect(page.locator("#more")).to_be_visible()
        found += violations(page)
        page.keyboard.press("Escape")
        expect(page.locator("#more")).to_be_hidden()
    for path in (f"/threads/{kitchen.pk}/people/", f"/threads/{kitchen.pk}/edit/", f"/threads/{kitchen.pk}/1/"):
        page.goto(window.url + path)
        found += violations(page)
    page.goto(f"{window.url}/threads/new/")
    page.locator("#id_to").press_sequentially("eve")
    expect(page.locator("#person-found button")).to_have_count(1)
    found += violations(page)
    page.goto(f"{window.url}/inbox/")
    reply = page.locator(f"[id^=notification-reply-message-{kitchen.pk}-]").first
    reply.focus()
    reply.press("Enter")
    expect(page.locator("#reply-text")).to_be_focused()
    found += violations(page)
    assert found == [], "\n".join(found)
