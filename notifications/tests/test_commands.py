"""notify, tick, new_epoch and doctor, as an operator types them."""

from datetime import timedelta
from io import StringIO
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from notifications import delivery
from notifications.delivery import notify
from notifications.jobs import start_job
from notifications.management.commands import doctor
from notifications.models import Board, Inbox, Job, Notification, Retraction, clock

pytestmark = pytest.mark.django_db(transaction=True)


def run(*args, **options):
    out = StringIO()
    call_command(*args, stdout=out, no_color=True, **options)
    return out.getvalue()


def test_notify_rings_the_bell_and_says_where_it_lies(bo):
    said = run("notify", "bo", "Lunch", "--body", "Soup", "--url", "/menu/", "--category", "people", "--key", "lunch")
    notification = Notification.objects.get()
    assert said == "bo has it: /inbox/lunch/\n"
    assert (notification.title, notification.body, notification.url) == ("Lunch", "Soup", "/menu/")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody", "Hi"], "There is no user 'nobody'"),
        (["bo", "Hi", "--category", "cats"], "Unknown category 'cats'. Known: "),
        (["bo", "Hi", "--url", "ftp://x"], "http"),
        (["bo", "Hi", "--level", "loud"], "info, success, warning, error"),
        (["bo", "x" * 201], "at most 200 characters"),
    ],
)
def test_notify_refuses_in_one_line_that_says_what_was_expected(bo, arguments, said):
    with pytest.raises(CommandError, match=said) as refusal:
        run("notify", *arguments)
    assert "\n" not in str(refusal.value)


def test_notify_takes_every_part_of_a_notification(bo):
    run(
        "notify",
        "bo",
        "Disk full",
        "--level",
        "error",
        "--category",
        "security",
        "--body",
        "95 %",
        "--url",
        "https://x.org/",
    )
    row = Notification.objects.get()
    assert (row.level, row.category, row.body, row.url) == ("error", "security", "95 %", "https://x.org/")


def test_notify_with_the_same_key_sends_nothing_a_second_time(bo):
    assert run("notify", "bo", "Lunch", "--key", "lunch") == run("notify", "bo", "Lunch", "--key", "lunch")
    assert Notification.objects.count() == 1
    with pytest.raises(CommandError, match=r"The key 'lunch' already names .*'Lunch'; now it came with title 'Dinner'"):
        run("notify", "bo", "Dinner", "--key", "lunch")


def test_notify_says_so_when_nothing_was_sent(bo, inbox):
    inbox.mute_category("general")
    with pytest.raises(CommandError, match="Nothing was sent: bo has switched general off"):
        run("notify", "bo", "Hi")


def test_the_tick_stamps_what_a_dead_writer_left(bo, inbox):
    with patch.object(delivery, "settle"):
        notify(bo, title="Left behind", key="left")
    assert not inbox.notifications.in_view("all").exists()
    run("tick", once=True)
    inbox.refresh_from_db()
    assert (inbox.notifications.in_view("all").count(), inbox.unread_count) == (1, 1)


def test_the_tick_carries_out_retractions_that_a_dead_writer_left(bo, inbox):
    left = notify(bo, title="Take me back")
    with transaction.atomic():
        Retraction.objects.create(notification=left)
    run("tick", once=True)
    inbox.refresh_from_db()
    assert (inbox.unread_count, Retraction.objects.count()) == (0, 0)


def test_the_tick_with_nothing_to_do_changes_nothing(bo, inbox):
    notify(bo, title="Done already")
    before = Inbox.objects.get(pk=inbox.pk).revision
    run("tick", once=True)
    assert Inbox.objects.get(pk=inbox.pk).revision == before


def test_a_new_epoch_begins(bo):
    before = Board.load().epoch
    assert run("new_epoch").startswith("A new epoch has begun: ")
    assert Board.load().epoch != before


def findings():
    return {what: (is_well, said) for what, is_well, said in doctor.examine()}


def test_doctor_finds_tick_and_worker_missing_and_says_how_to_mend_it(db):
    found = findings()
    assert found["database"] == (True, "answers, and its tables are up to date.")
    assert found["bus"] == (True, "answers.")
    assert found["tick"] == (False, "never ran. Run: manage.py tick")
    assert found["worker"] == (False, "No Celery worker answers. Run: celery -A celery_app worker")
    with pytest.raises(CommandError, match="Not well: worker, tick"):
        run("doctor")


def test_doctor_finds_the_tick_running(db):
    run("tick", once=True)
    assert findings()["tick"] == (True, "is running.")


def test_doctor_finds_a_dead_bus(db, valkey):
    valkey.kill()
    found = findings()
    assert found["bus"][0] is False
    assert "does not answer" in found["bus"][1]
    assert found["worker"] == (False, "cannot be asked while the bus is down.")


def test_doctor_finds_what_was_left_behind(bo):
    with patch.object(delivery, "settle"):
        notify(bo, title="Left behind")
    assert findings()["stamping"][0] is False


def test_doctor_finds_jobs_that_nobody_takes(bo):
    job = start_job(SimpleNamespace(name="tests.none", title="Counting"), owner=bo)
    assert findings()["jobs"][0]
    Job.objects.filter(pk=job.pk).update(queued_at=clock.now() - timedelta(minutes=11))
    assert findings()["jobs"] == (False, "1 have waited for a worker for more than 10 minutes. Run more workers.")


def test_doctor_is_content_with_a_site_that_is_well(db, monkeypatch):
    monkeypatch.setattr(doctor, "worker_finding", lambda: ("worker", True, "1 answered."))
    run("tick", once=True)
    said = run("doctor")
    assert said.count("well ") == len(said.splitlines()) >= 5


def test_doctor_finds_tables_and_assets_missing_and_says_how_to_mend_it(db, monkeypatch):
    monkeypatch.setattr(doctor, "database_state", lambda: "not migrated")
    monkeypatch.setattr(doctor, "ASSETS", ("vendor/htmx/gone.js",))
    found = findings()
    assert found["database"] == (False, "lacks migrations. Run: manage.py migrate")
    assert found["assets"] == (False, "vendor/htmx/gone.js not found. Run: npm ci")
