"""Jobs in a real browser, live: bars move, ends come, and a page that was cut off is right when it is back."""

import re
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from config.tests.site import eventually
from notifications.job_endings import finish
from notifications.jobs import start_job
from notifications.progress import Progress

from .conftest import is_live

TASK = SimpleNamespace(name="tests.none", title="Counting the stars")


@pytest.fixture
def job(bo):
    """One that runs, and that this test moves on."""
    job = start_job(TASK, owner=bo)
    assert job.claim(1)
    return job


def move(job, current, line=""):
    progress = Progress()
    progress.begin_part(10).current = current
    assert job.report(progress.columns(), [line] if line else [])


def end(job, state="succeeded"):
    assert finish(job, 1, state, columns=Progress().columns(), lines=["the last line"])


def value_of(bar):
    return bar.evaluate("bar => bar.value")


def shown(page):
    """What its reader sees of jobs, but for relative times."""
    return page.evaluate(
        """() => ["tray-list", "jobs", "job-page", "log"].map(id => document.getElementById(id)).map(place => {
             const copy = place?.cloneNode(true);
             copy?.querySelectorAll("time[data-relative]").forEach(time => time.remove());
             return copy?.textContent.replace(/\\s+/g, " ").trim();
           })"""
    )


def test_a_bar_moves_without_being_replaced_and_the_end_comes_to_every_page(bo, job, window):
    browser = window(bo)
    own, inbox = browser.open(f"/jobs/{job.pk}/"), browser.open("/inbox/")
    own.bring_to_front()
    bar = own.locator("#job-page progress")
    own.evaluate("window.bar = document.querySelector('#job-page progress')")
    for current in (3, 7):
        move(job, current, f"Star {current}")
        eventually(lambda current=current: abs(value_of(bar) - current / 10) < 0.001, "the bar has moved")
        expect(own.locator("#log")).to_contain_text(f"Star {current}")
    assert own.evaluate("window.bar === document.querySelector('#job-page progress')")
    inbox.locator("#tray-button").click()
    expect(inbox.locator("#tray-list progress")).to_have_attribute("value", "0.7000")
    inbox.keyboard.press("Escape")
    own.bring_to_front()
    end(job)
    expect(own.locator("#job-page .job-state").first).to_have_text("Done")
    expect(own.locator("#log")).to_contain_text("the last line")
    expect(inbox.locator("#feed")).to_contain_text("Counting the stars is done")
    eventually(lambda: bo.inbox.notifications.get(key=job.item_key).read_at, "its end was seen, and is read")
    now = shown(own)
    own.reload()
    is_live(own)
    assert shown(own) == now


@pytest.mark.parametrize("path", ["/jobs/", "/jobs/?view=active", "own"])
def test_a_page_that_was_cut_off_shows_the_end_when_it_is_back(bo, job, window, server, path):
    browser = window(bo)
    page = browser.open(f"/jobs/{job.pk}/" if path == "own" else path)
    move(job, 2)
    expect(page.locator("#tray-list progress")).to_have_attribute("value", "0.2000")
    server.kill()
    expect(page.locator("html")).to_have_attribute("data-live", re.compile("off|polling"))
    move(job, 9)
    end(job, "failed")
    server.start()
    is_live(page)
    expect(page.locator("#tray-list .job-state")).to_have_text("Failed")
    now = shown(page)
    page.reload()
    is_live(page)
    assert shown(page) == now
