"""What a page does when its reader signs out, changes the password, or is somebody else."""

import re
from types import SimpleNamespace

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from notifications.delivery import notify
from notifications.jobs import start_job

from .conftest import is_live
from .pages import titles


@pytest.fixture
def tries():
    """What a page asks for in the background."""
    return []


def watched(page, tries):
    page.on("request", lambda request: tries.append(request.url))
    page.on("websocket", lambda socket: tries.append(socket.url))
    return page


def sign_out(page):
    page.locator("#account-button").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/accounts/login/$"))


def test_signing_out_in_one_tab_is_said_in_the_other_which_stops_trying(window, bo, tries):
    bos = window(bo)
    bos.context.clock.install()
    page, other = bos.open(), watched(bos.open(), tries)
    sign_out(page)
    expect(other.get_by_role("alert").get_by_text("You are signed out")).to_be_visible()
    expect(other.locator("html:not([data-live])")).to_have_count(1)
    tries.clear()
    other.clock.run_for("02:00")
    assert tries == []


def test_what_a_signed_out_page_shows_is_dimmed(window, bo):
    page = window(bo).open()
    expect(page.locator("main")).to_have_css("opacity", "1")
    bo.is_active = False
    bo.save()
    expect(page.locator(".session-notice")).to_be_visible()
    expect(page.locator("main")).not_to_have_css("opacity", "1")


def test_a_page_whose_session_is_gone_says_so_when_it_comes_back(window, bo, server, tries):
    bos = window(bo)
    page = bos.open()
    server.kill()
    expect(page.locator("html[data-live=off]")).to_have_count(1)
    bos.context.clear_cookies()
    server.start()
    expect(page.get_by_role("alert").get_by_text("You are signed out")).to_be_visible()
    expect(page.locator("html:not([data-live])")).to_have_count(1)


def test_an_act_after_the_session_has_ended_says_so(window, bo):
    notify(bo, title="One", key="one")
    bos = window(bo)
    page = bos.open()
    bos.context.clear_cookies()
    page.locator("#notification-archive-one").click()
    expect(page.get_by_role("alert").filter(has_text=re.compile("signed out|no longer allowed"))).to_be_visible()
    expect(titles(page)).to_have_text(["One"])


def test_changing_the_password_keeps_the_other_tabs_of_this_browser_and_ends_other_browsers(window, bo):
    bos = window(bo)
    page, other, elsewhere = bos.open("/accounts/password/"), bos.open(), window(bo).open()
    page.get_by_label("Old password").fill("belfry-demo")
    for field in page.locator("input[autocomplete=new-password]").all():
        field.fill("a long and winding passphrase")
    page.locator("main form button").click()
    expect(elsewhere.get_by_role("alert").get_by_text("You are signed out")).to_be_visible()
    is_live(other)
    notify(get_user_model().objects.get(pk=bo.pk), title="Still here")
    expect(titles(other)).to_have_text(["Still here"])
    expect(titles(elsewhere)).to_have_text([])


def test_a_page_of_one_reader_is_never_fed_for_another(window, server, bo, chi):
    bos = window(bo)
    page = bos.open()
    server.kill()
    expect(page.locator("html[data-live=off]")).to_have_count(1)
    bos.sign_in(chi)
    notify(chi, title="For Chi")
    server.start()
    expect(page.get_by_role("alert").get_by_text("Someone else signed in")).to_be_visible()
    assert "For Chi" not in page.content()


def deactivate(user):
    user.is_active = False
    user.save()


def delete_session(user):
    Session.objects.all().delete()


def delete_account(user):
    user.delete()


@pytest.mark.parametrize("end", [deactivate, delete_session, delete_account])
def test_whoever_is_put_out_sees_it_and_the_page_stops_trying(window, bo, tries, end):
    bos = window(bo)
    bos.context.clock.install()
    page = watched(bos.open(), tries)
    end(bo)
    expect(page.get_by_role("alert").get_by_text("You are signed out")).to_be_visible()
    expect(page.locator("html:not([data-live])")).to_have_count(1)
    tries.clear()
    page.clock.run_for("02:00")
    assert tries == []


def test_whoever_may_not_watch_a_job_any_more_sees_so(window, bo, ada, monkeypatch):
    monkeypatch.setattr("notifications.job_task.send_now", lambda *job: None)
    watch = Permission.objects.get(codename="watch_jobs")
    ada.user_permissions.add(watch)
    job = start_job(SimpleNamespace(name="tests.none", title="Counting"), owner=bo, title="Bo's figures")
    page = window(ada).open(f"/jobs/{job.pk}/")
    expect(page.locator("#job-page")).to_contain_text("Bo's figures")
    job.claim(1)
    expect(page.locator("#job-page")).to_contain_text("Running")
    ada.user_permissions.remove(watch)
    expect(page.locator("#job-page")).to_contain_text("yours to see")
    expect(page.locator("#job-page")).not_to_contain_text("Bo's figures")
