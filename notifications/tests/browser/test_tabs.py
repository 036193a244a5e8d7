"""All tabs agree, whoever sent what, and whichever of them acts."""

import re
import subprocess
import sys

import pytest
from django.conf import settings
from playwright.sync_api import expect

from notifications.delivery import notify

from .conftest import environment
from .pages import ICON, NEW_ICON, open_bell, row, rows, titles


def test_a_notification_reaches_every_tab_of_its_recipient_and_nobody_else(window, bo, chi):
    bos, stranger = window(bo), window(chi).open()
    tabs = [bos.open(), bos.open("/inbox/?view=unread"), window(bo).open()]
    notify(bo, title="Lunch is ready")
    for tab in tabs:
        expect(titles(tab)).to_have_text(["Lunch is ready"])
    notify(chi, title="For Chi")
    expect(titles(stranger)).to_have_text(["For Chi"])
    assert "Lunch" not in stranger.content()


def test_what_the_shell_sends_is_in_the_page(window, bo):
    page = window(bo).open()
    command = [sys.executable, "manage.py", "notify", "bo", "From the shell"]
    subprocess.run(command, cwd=settings.BASE_DIR, env=environment(), check=True, stdout=subprocess.DEVNULL)
    expect(titles(page)).to_have_text(["From the shell"])


def test_a_new_account_rings_the_bell_of_staff(window, ada):
    page = window(ada).open()
    door = window().open("/accounts/signup/", live=False)
    door.get_by_label("Username").fill("eli")
    for field in door.locator("input[type=password]").all():
        field.fill("a long and winding passphrase")
    door.locator("main form button").click()
    expect(titles(page)).to_have_text(["eli has joined"])


def test_badge_title_icon_rows_popover_and_filters_agree(window, bo):
    page = window(bo).open()
    notify(bo, title="One")
    notify(bo, title="Two", category="people")
    expect(titles(page)).to_have_text(["Two", "One"])
    expect(page).to_have_title("(2) Inbox · Belfry")
    expect(page.locator("#badge")).to_have_text("2")
    expect(page.locator("#bell-label")).to_have_text("Notifications, 2 new")
    expect(page.locator("#favicon")).to_have_attribute("href", NEW_ICON)
    for name, count in {"all": 2, "unread": 2, "archived": 0, "category-people": 1}.items():
        expect(page.locator(f"#count-{name}")).to_have_text(str(count))
    open_bell(page)
    expect(titles(page, "#bell-list")).to_have_text(["Two", "One"])


def test_a_page_without_a_list_has_bell_title_and_icon_too(window, bo):
    page = window(bo).open("/inbox/preferences/")
    notify(bo, title="One")
    expect(page.locator("#badge")).to_have_text("1")
    expect(page).to_have_title(re.compile(r"^\(1\) .+ · Belfry$"))
    expect(page.locator("#favicon")).to_have_attribute("href", NEW_ICON)


@pytest.mark.parametrize(("act", "state"), [("read", "read"), ("unread", "unread")])
def test_reading_in_one_tab_shows_in_the_other(window, bo, inbox, act, state):
    notify(bo, title="Lunch is ready", key="lunch")
    if act == "unread":
        inbox.mark_read("lunch")
    one, other = (window(bo).open() for _ in range(2))
    one.locator(f"#notification-{act}-lunch").click()
    for tab in (one, other):
        expect(row(tab, "lunch")).to_have_attribute("data-state", state)
        expect(tab.locator("#count-unread")).to_have_text(str(int(state == "unread")))


def test_archiving_in_one_tab_takes_the_row_out_of_the_other(window, bo):
    notify(bo, title="Lunch is ready", key="lunch")
    bos = window(bo)
    one, other, archive = bos.open(), bos.open("/inbox/?view=unread"), bos.open("/inbox/?view=archived")
    one.locator("#notification-archive-lunch").click()
    expect(titles(archive)).to_have_text(["Lunch is ready"])
    for tab in (one, other):
        expect(rows(tab)).to_have_count(0)
        expect(tab.locator("#badge")).to_be_hidden()
        expect(tab.locator("#favicon")).to_have_attribute("href", ICON)
