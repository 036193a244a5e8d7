"""An inbox as a file: all of it, in its reader's language, harmless in spreadsheets, and however large it is."""

import csv
import io
import json
import tempfile
import tracemalloc
from datetime import timedelta

import pytest
from django.urls import reverse

from notifications import export, jobs
from notifications.delivery import notify, retract
from notifications.job_files import private
from notifications.jobs import cancel_job, start_job
from notifications.models import Broadcast, Content, Job, Notification, clock
from notifications.tasks import export_inbox

pytestmark = pytest.mark.django_db(transaction=True)

START = "/jobs/export/"
MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def directory(monkeypatch, tmp_path):
    """Where files are written that nobody has taken over yet."""
    monkeypatch.setattr("notifications.job_task.Sender.put", lambda *_: None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def reader(client, bo):
    client.force_login(bo)
    return client


def carry_out(pk=None):
    job = Job.objects.latest("queued_at")
    export_inbox(str(job.pk), 1)
    job.refresh_from_db()
    return job


def exported(client, kind):
    """The file that the reader gets."""
    client.post(START, {"kind": kind})
    job = carry_out()
    assert (job.state, job.error) == ("succeeded", "")
    response = client.get(reverse("notifications:job_result", args=[job.pk]))
    return b"".join(response.streaming_content)


def items(client):
    return json.loads(exported(client, "json"))


def table(client):
    return list(csv.DictReader(io.StringIO(exported(client, "csv").decode("utf-8-sig"), newline="")))


def fill(inbox, count):
    body = "An event of some length. " * 20
    rows = (
        Notification(
            inbox=inbox,
            key=f"n{n}",
            title=f"Number {n}",
            body=body,
            category="general",
            level="info",
            revision=n,
            arrived_revision=n,
            arrival=1_700_000_000_000_000 + n,
        )
        for n in range(1, count + 1)
    )
    Notification.objects.bulk_create(rows, batch_size=2_000)


def test_a_click_leads_to_the_page_of_a_job_that_ends_with_the_file(reader, bo, hands):
    notify(bo, title="Hello")
    response = reader.post(START, {"kind": "csv"})
    job = carry_out()
    assert response.url == job.get_absolute_url()
    assert (job.result_label, job.current, job.total) == (f"inbox-{hands():%Y-%m-%d}.csv", 1, 1)


def test_everything_is_in_it_with_its_state_and_times(reader, bo, chi):
    for key in ("one", "two", "three", "four"):
        notify(bo, title=key.title(), body="Line 1\nLine 2", url="/there/", actor=chi, category="people", key=key)
    inbox = bo.inbox
    inbox.mark_read("two")
    inbox.mark_saved("two")
    inbox.archive("three")
    inbox.snooze("four", until=clock.now() + timedelta(days=1))
    rows = {row["title"]: row for row in items(reader)}
    assert {title: row["state"] for title, row in rows.items()} == {
        "One": ["unread"],
        "Two": ["read", "saved"],
        "Three": ["unread", "archived"],
        "Four": ["unread", "snoozed"],
    }
    one, two = rows["One"], rows["Two"]
    assert (one["body"], one["url"], one["category"], one["actor"]) == ("Line 1\nLine 2", "/there/", "people", "chi")
    assert one["read_at"] is None
    assert two["read_at"] == inbox.notifications.get(key="two").read_at.isoformat()
    assert two["read_at"].endswith("+00:00")


def test_csv_and_json_say_the_same(reader, bo):
    notify(bo, title='With "quotes"; and, commas\tand tabs', body="Ärger\r\nund مرحبا 🙂")
    (row,), (item, *_later) = table(reader), items(reader)
    assert row == {name: " ".join(value) if name == "state" else value or "" for name, value in item.items()}
    assert item["body"] == "Ärger\r\nund مرحبا 🙂"


def test_texts_are_in_the_readers_language(client, chi, bo):
    notify(chi, verb="comment.added", actor="Ana", target="Plan")
    client.force_login(chi)
    assert [item["title"] for item in items(client)] == ["Plan wurde von Ana kommentiert"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_nothing_in_a_spreadsheet_is_a_formula(reader, bo, start):
    notify(bo, title="Harmless", body=f'{start}HYPERLINK("http://evil.example")')
    assert table(reader)[0]["body"] == f'\'{start}HYPERLINK("http://evil.example")'


def test_what_was_withdrawn_is_not_in_it_and_broadcasts_are(reader, bo, ada):
    for key in ("kept", "gone"):
        notify(bo, title=key.title(), key=key)
    retract(bo, "gone")
    for title, audience in (("For all", "everyone"), ("For staff", "staff")):
        Broadcast.draft(Content(title=title, body="**Now**", audience=audience, placement="both"), ada).publish()
    assert [(item["title"], item["body"]) for item in items(reader)] == [("Kept", ""), ("For all", "Now")]


def test_events_that_a_newer_one_stands_for_are_in_it_each(reader, bo):
    for n in range(3):
        notify(bo, title=f"Said {n}", actor=f"Person {n}", group_key="talk")
    assert [item["title"] for item in items(reader)] == ["Said 0", "Said 1", "Said 2"]


@pytest.mark.parametrize("read", [items, table])
def test_of_an_empty_inbox_the_file_is_valid_too(reader, read):
    assert read(reader) == []


def test_nobody_gets_anything_of_others(reader, bo, chi):
    notify(chi, title="Chi's own")
    assert items(reader) == []
    reader.force_login(chi)
    assert reader.get(reverse("notifications:job_result", args=[Job.objects.latest("queued_at").pk])).status_code == 404


def test_a_double_click_begins_one(reader):
    first, second = (reader.post(START, {"kind": kind}).url for kind in ("csv", "json"))
    assert first == second
    assert Job.objects.count() == 1


def test_it_refuses_get_strangers_and_what_it_does_not_know(client, bo):
    assert client.post(START, {"kind": "csv"}).url.startswith("/accounts/login/")
    client.force_login(bo)
    assert client.get(START).status_code == 405
    said = client.post(START, {"kind": "exe", "next": "/inbox/preferences/"}, follow=True).content.decode()
    assert "Choose what kind of file it is to be: CSV or JSON." in said
    assert not Job.objects.exists()


def test_the_settings_offer_it(reader):
    assert f'action="{START}"' in reader.get("/inbox/preferences/").content.decode()


@pytest.mark.parametrize(("kind", "count"), [("csv", 20_000), ("json", 5_000)])
def test_twenty_thousand_rows_need_no_more_memory_than_some(reader, inbox, kind, count):
    fill(inbox, count)
    reader.post(START, {"kind": kind})
    tracemalloc.start()
    try:
        job = carry_out()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (job.state, job.current) == ("succeeded", count)
    assert job.result_size > count * 500
    assert peak < 8 * MIB


def test_what_arrives_meanwhile_makes_nothing_come_twice_or_never(reader, bo, inbox, monkeypatch):
    monkeypatch.setattr("notifications.export.CHUNK", 2)
    fill(inbox, 5)
    told = []

    def read_and_tell(row):
        if not told:
            inbox.mark_read("n1", "n5")
            told.append(notify(bo, title="News"))
        return ["unread"]

    monkeypatch.setattr("notifications.export.states_of", read_and_tell)
    assert [item["title"] for item in items(reader)] == [f"Number {n}" for n in range(1, 6)] + ["News"]


def test_cancelled_in_the_middle_it_leaves_no_file(reader, inbox, directory, monkeypatch):
    fill(inbox, 50)
    there = []

    def work(running):
        def cancel(row):
            there.extend(directory.iterdir())
            cancel_job(running.row)
            running.reporter.verdict = "cancelled"
            return ["unread"]

        monkeypatch.setattr(export, "states_of", cancel)
        return export.export(running, "csv", "en")

    job = start_job(export_inbox, owner=inbox.user)
    jobs.carry_out(job.pk, 1, work)
    job.refresh_from_db()
    assert (job.state, job.current, len(there)) == ("cancelled", 1, 1)
    assert list(directory.iterdir()) == []


def test_a_finished_one_leaves_no_file_but_that_of_the_job(reader, directory):
    exported(reader, "json")
    assert list(directory.iterdir()) == []
    assert private().exists(Job.objects.get().result_file)
