"""For any sequence of acts and accidents, the page after the pushes equals a fresh page, and the numbers are right.

PROPERTY_EXAMPLES=2000 looks longer, PROPERTY_SEED=N tells the same stories again, and PROPERTY_SHRINK=1 looks for the
shortest one that fails, which takes minutes.
"""

import os
import random
from datetime import timedelta
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from notifications import delivery, job_endings, job_lists, jobs
from notifications.live import frames, job_watch, missing, outlet, push
from notifications.management.commands.tick import tick
from notifications.models import Board, Broadcast, Content, Inbox, Job, Mute, Notification, Reach, Retraction, clock
from notifications.models.broadcast import PUBLISHED
from notifications.models.job_states import WAITING, WORKING
from notifications.models.retention import Limits, remove_slice
from notifications.progress import Progress
from notifications.tests.harness import SteppedHub, Tab, outline, stage_for, with_something_before
from notifications.tests.recount import kept, recount

ROUNDS = 8  # of asking and answering, after which a page that is still behind will never catch up
SEED = int(os.environ.get("PROPERTY_SEED") or random.randrange(10**9))
DAY = 24 * 3600 * 10**6  # µs
CATEGORIES = ["general", "comments", "security"]
ACTS = ["mark_read", "mark_unread", "archive", "unarchive", "mark_saved", "mark_unsaved", "unsnooze"]
PEOPLE = ["Ana", "Bo", "Chi", "Dana", "Edo", ""]
ACTS_ON_ALL = ["mark_all_read", "archive_all", "mark_seen"]
VIEWS = ["unread", "archived", "saved", "snoozed", "category:comments"]
LISTS = ["/inbox/", "/inbox/", *(f"/inbox/?view={view}" for view in VIEWS)]
JOBS = ["/jobs/", "/jobs/?view=active", "/jobs/?view=failed", "JOB"]
OTHERS = ["/inbox/k0/", "/inbox/preferences/", "/inbox/?view=category:announcements", "BROADCAST", *JOBS]
PATHS = [*LISTS, *LISTS, *OTHERS]
PLACEMENTS = ["inbox", "both", "banner"]
AUDIENCES = ["everyone", "groups", "staff", "people"]
RUNNING = 4  # broadcasts at once
SECOND = 10**6  # µs


class Story:
    """Bo's inbox, some pages of it, and what can happen to them. Each step takes two numbers for its choices."""

    #: How often each step is taken, in parts.
    STEPS = {
        "deliver": 6,
        "die_before_stamping": 1,
        "tick": 1,
        "act": 12,
        "act_on_all": 2,
        "snooze": 4,
        "undo": 3,
        "retract": 3,
        "close": 1,
        "toggle_mute": 1,
        "publish": 5,
        "edit": 3,
        "take_away": 3,
        "dismiss": 3,
        "acknowledge_broadcast": 3,
        "join": 2,
        "start_job": 3,
        "work_on_job": 8,
        "end_job": 3,
        "cancel_job": 2,
        "retry_job": 2,
        "sleep": 1,
        "wake": 3,
        "back_up": 1,
        "restore": 2,
        "remove_old": 2,
        "flow": 8,
        "carry_nudge": 4,
        "double_nudge": 1,
        "lose_nudges": 1,
        "step": 6,
        "deliver_amid_step": 3,
        "hear": 5,
        "take_frames": 5,
        "acknowledge": 3,
        "cut": 2,
        "connect": 3,
        "reload": 1,
        "press_older": 6,
        "take_older": 6,
        "toggle_bell": 2,
        "take_bell": 3,
        "poll": 1,
        "settle": 1,
    }

    def __init__(self, stage, paths):
        for model in (Retraction, Notification, Mute, Broadcast, Job):
            model.objects.all().delete()
        self.stage, self.run, self.nudges, self.sent = stage, stage.loop.run_until_complete, stage.nudges, 0
        self.undos, self.tabs = [], []
        self.inbox = Inbox.objects.of(stage.bo)
        Inbox(pk=self.inbox.pk, user=stage.bo).save()
        stage.bo.groups.clear()
        stage.bo.is_staff = False
        stage.bo.save()
        self.run(self.make_hub())
        self.publish(0, 0)
        self.inbox.collect()  # a page of it is open: whatever is restored, it was known before
        for n in range(8):
            self.deliver(0, n)
        self.first = Notification.objects.get(key="k0").pk
        self.back_up()
        first = Broadcast.objects.get().row_key
        self.start_job(0, 0)
        names = {"BROADCAST": f"/inbox/{first}/", "JOB": Job.objects.get().get_absolute_url()}
        self.tabs = [Tab(names.get(path, path), stage.client, self.run) for path in paths]
        for tab in self.tabs:
            tab.connect()

    async def make_hub(self):
        self.nudges.clear()
        self.hub = self.stage.hub = SteppedHub()

    def tab(self, n):
        return self.tabs[n % len(self.tabs)]

    def key(self, n):
        """One of the newest, or one of the oldest; or a broadcast."""
        if n % 5 == 4 and (broadcast := self.broadcast(n)):
            return broadcast.row_key
        return f"k{(n // 2) % self.sent}" if n % 2 else f"k{max(self.sent - 1 - n // 2, 0)}"

    # What happens to the inbox.

    def deliver(self, n, m):
        """Several in one transaction, one of which is taken back before it ends."""
        with transaction.atomic():
            for i in range(n % 3 + 1):
                self.notify(m + i * n)
            with pytest.raises(KeyError), transaction.atomic():
                self.notify(m)
                raise KeyError

    def notify(self, n):
        content = {"title": f"Number {self.sent}", "actor": PEOPLE[n % 6], "target": self.stage.bo if n % 4 else None}
        group_key = f"g{n % 2}" if self.sent % 3 else ""
        key, category = f"k{self.sent}", CATEGORIES[n % 3]
        delivery.notify(self.stage.bo, key=key, category=category, group_key=group_key, **content)
        self.sent += 1

    def die_before_stamping(self, n, m):
        with patch.object(delivery, "settle", lambda ids: None):
            self.deliver(n, m)

    def tick(self, n, m):
        """What comes back from its snooze is news."""
        due = set(Notification.objects.snoozed().filter(snoozed_until__lte=clock.now()).values_list("key", flat=True))
        tick()
        for tab in self.tabs:
            tab.old -= due

    def act(self, n, m):
        self.note(getattr(self.inbox, ACTS[m % 7])(self.key(n)))

    def snooze(self, n, m):
        """Every other one is saved, too, so that it stays in a list until it comes back to another place there."""
        if m % 2:
            self.inbox.mark_saved(self.key(n))
        self.note(self.inbox.snooze(self.key(n), self.key(n + 3), until=clock.now() + timedelta(hours=m + 1)))

    def note(self, undo):
        if undo is not None:
            self.undos.append(undo)

    def undo(self, n, m):
        if self.undos:
            self.inbox.undo(self.undos[-1 - n % min(len(self.undos), 3)])

    def act_on_all(self, n, m):
        """All that had arrived when the page was where it is."""
        self.note(getattr(self.inbox, ACTS_ON_ALL[m % 3])(upto=self.tab(n).since, board=self.tab(n).board))

    def retract(self, n, m):
        delivery.retract(self.stage.bo, self.key(n))

    def close(self, n, m):
        delivery.close(self.stage.bo)

    def toggle_mute(self, n, m):
        turn = self.inbox.unmute_category if self.inbox.muted_categories() else self.inbox.mute_category
        turn("comments")

    # What staff do with broadcasts.

    def broadcast(self, n):
        """One of the last of them."""
        last = list(Broadcast.objects.order_by("-pk")[:RUNNING])
        return last[n % len(last)] if last else None

    def content(self, n, m):
        return Content(
            title=f"Broadcast {n} {m}",
            body="**Do** read" if m % 2 else "",
            placement=PLACEMENTS[m % 3],
            level=["info", "warning", "error"][n % 3],
            audience=AUDIENCES[n % 4] if m % 4 else "everyone",
            groups=[self.stage.crew],
            names=["bo" if m % 3 else "chi"],
            is_dismissible=bool(n % 4),
            asks_acknowledgement=n % 3 == 1,
            ends_at=clock.now() + timedelta(hours=m + 1) if n % 2 else None,
        )

    def publish(self, n, m):
        """At a moment of its own: no two things arrive in the same microsecond."""
        if Broadcast.objects.filter(state=PUBLISHED).count() < RUNNING:
            self.stage.clock.now += SECOND
            Broadcast.draft(self.content(n, m)).publish()
            self.stage.clock.now += SECOND

    def edit(self, n, m):
        broadcast = self.broadcast(n)
        if broadcast and broadcast.state == PUBLISHED:
            self.stage.clock.now += SECOND  # what is done in the same microsecond was done after it
            broadcast.rewrite(self.content(m, n), show_again=bool(m % 2))

    def take_away(self, n, m):
        broadcast = self.broadcast(n)
        if broadcast and broadcast.state == PUBLISHED:
            (
                broadcast.end,
                broadcast.withdraw,
                broadcast.undo_publication if broadcast.can_be_undone else broadcast.end,
            )[m % 3]()
        elif broadcast and broadcast.state == "draft" and not (broadcast.ends_at and broadcast.ends_at <= clock.now()):
            self.stage.clock.now += SECOND
            broadcast.publish()
            self.stage.clock.now += SECOND

    def dismiss(self, n, m):
        if broadcast := self.broadcast(n):
            self.inbox.dismiss(broadcast.row_key)

    def acknowledge_broadcast(self, n, m):
        if broadcast := self.broadcast(n):
            self.inbox.acknowledge(broadcast.row_key)

    def join(self, n, m):
        """Or leave: the group, or the staff."""
        bo, crew = self.stage.bo, self.stage.crew
        if m % 2:
            (bo.groups.remove if crew in bo.groups.all() else bo.groups.add)(crew)
        else:
            bo.is_staff = not bo.is_staff
            bo.save()
        self.inbox.refresh_for_reader()

    # What workers do, and what Bo does with jobs.

    def job(self, n, *states):
        """One of the last of them."""
        last = list(Job.objects.filter(state__in=states).order_by("-queued_at")[:4])
        return last[n % len(last)] if last else None

    def start_job(self, n, m):
        self.stage.clock.now += SECOND
        task = SimpleNamespace(name="tests.none", title=f"Job {n} {m}", max_attempts=n % 3 + 1, restarts=bool(m % 2))
        jobs.start_job(task, owner=self.stage.bo, key="same" if m % 4 == 3 else "")

    def work_on_job(self, n, m):
        """Claim it, or go on with it."""
        if (job := self.job(n, *WAITING, *WORKING)) and not job.claim(job.attempt + 1):
            progress = Progress()
            progress.begin_part(m or None).current = n
            progress.message = f"Step {n}"
            job.report(progress.columns(), [f"Line {m}"] * (m % 3))

    def end_job(self, n, m):
        if job := self.job(n, *WORKING):
            columns = Progress().columns()
            if m % 4 == 0:
                job_endings.lose_attempt(job, job.attempt, job.heartbeat)
            elif m % 4 == 1:
                job_endings.put_off(job, job.attempt, jobs.RetryLater("Later"), columns=columns, lines=[])
            else:
                job_endings.finish(job, job.attempt, ["succeeded", "failed"][m % 2], columns=columns, lines=["End"])

    def cancel_job(self, n, m):
        if job := self.job(n, *WAITING, *WORKING):
            jobs.cancel_job(job)

    def retry_job(self, n, m):
        if (job := self.job(n, "failed", "lost", "cancelled")) and job.can_be_retried:
            self.stage.clock.now += SECOND
            jobs.retry_job(job)

    def sleep(self, n, m):
        """Hubs look at their pages when a broadcast ends."""
        self.stage.clock.now += DAY
        self.hub.look_at_everybody()

    def wake(self, n, m):
        self.sleep(n, m)
        self.tick(n, m)

    def back_up(self, *_):
        groups = {broadcast.pk: list(broadcast.groups.all()) for broadcast in Broadcast.objects.all()}
        people = {broadcast.pk: list(broadcast.people.all()) for broadcast in Broadcast.objects.all()}
        self.backup = (
            Inbox.objects.get(pk=self.inbox.pk),
            list(Notification.objects.defer(None)),
            (list(Broadcast.objects.all()), groups, people, list(Reach.objects.all()), Board.load().revision),
        )

    def restore(self, n, m):
        """As in the restore guide: an older database, and a new epoch. What was asked for before has no answer."""
        for tab in self.tabs:
            tab.older, tab.bell_answer = None, ""
        inbox, rows, (broadcasts, groups, people, reached, board) = self.backup
        Retraction.objects.all().delete()
        Notification.objects.all().delete()
        Broadcast.objects.all().delete()
        for broadcast in broadcasts:
            broadcast.save(force_insert=True)
            broadcast.groups.set(groups[broadcast.pk])
            broadcast.people.set(people[broadcast.pk])
        Reach.objects.bulk_create(reached)
        Notification.objects.bulk_create(rows)
        inbox.save()
        Board.objects.update(revision=board)
        Board.load().begin_epoch()
        self.undos.clear()

    def remove_old(self, n, m):
        """Retention, half a day after the last change of what it removes. Its own page is open: the first stays."""
        remove_slice(Limits(archived_days=1, read_days=n % 2), after=self.first)

    # What happens to nudges, and to the hub.

    def flow(self, n, m):
        """Everything arrives, as on a good day."""
        for tab in self.tabs:
            tab.speak()
        while self.nudges:
            self.hear_nudge(self.nudges.pop(0))
        self.run(self.hub.step())
        for tab in self.tabs:
            tab.take()

    def carry_nudge(self, n, m):
        """Any of them: an older one may come later."""
        if self.nudges:
            self.hear_nudge(self.nudges.pop(n % len(self.nudges)))

    def hear_nudge(self, nudge):
        """Of inboxes, of the board, or of a job."""
        if isinstance(nudge, tuple):
            self.hub.jobs.nudged(*nudge)
        else:
            (self.hub.nudged if isinstance(nudge, dict) else self.hub.broadcasts.nudged)(nudge)

    def double_nudge(self, n, m):
        if self.nudges:
            self.nudges.append(self.nudges[n % len(self.nudges)])

    def lose_nudges(self, n, m):
        self.nudges.clear()

    def step(self, n, m):
        self.run(self.hub.step())

    def deliver_amid_step(self, n, m):
        """After the hub has read the position, before it reads the rows."""
        self.stage.amid = lambda: (self.notify, self.withdraw_one)[n % 2](m)
        self.carry_nudge(n, m)
        self.run(self.hub.step())
        self.stage.amid = None

    def withdraw_one(self, n):
        broadcast = Broadcast.objects.filter(state=PUBLISHED).first()
        if broadcast:
            broadcast.withdraw()

    # What happens to pages.

    def hear(self, n, m):
        self.tab(n).speak()

    def take_frames(self, n, m):
        self.tab(n).take(m % 3 + 1)

    def acknowledge(self, n, m):
        self.tab(n).say()

    def cut(self, n, m):
        self.tab(n).cut()

    def connect(self, n, m):
        self.tab(n).connect()

    def reload(self, n, m):
        self.tab(n).cut()
        self.tabs[n % len(self.tabs)] = Tab(self.tab(n).path, self.stage.client, self.run)
        self.tab(n).connect()

    def press_older(self, n, m):
        self.tab(n).press_older()

    def take_older(self, n, m):
        self.tab(n).take_older()

    def toggle_bell(self, n, m):
        self.tab(n).toggle_bell()

    def take_bell(self, n, m):
        self.tab(n).take_bell()

    def poll(self, n, m):
        if self.tab(n).wire is None:
            self.tab(n).poll()

    # What must hold.

    def settle(self, *_):
        """With every nudge lost, the sweep alone must bring everything to every page that is connected."""
        self.nudges.clear()
        for tab in self.tabs:
            tab.take_older()
            tab.take_bell()
        for _ in range(ROUNDS):
            for tab in self.tabs:
                tab.say()
                tab.speak()
            self.run(self.hub.sweeper.sweep())
            self.run(self.hub.step())
            if not sum([tab.take() for tab in self.tabs]):
                break
        self.compare()

    def compare(self):
        self.inbox.refresh_from_db()
        for tab in self.tabs:
            if tab.wire is not None:
                assert tab.since == self.inbox.revision, tab.path
                assert tab.board == Board.load().revision, tab.path
                fresh = tab.fresh()
                assert outline(tab.document) == outline(fresh), tab.path
                assert tab.document.shown() == fresh.shown(), tab.path
                assert tab.bell() == tab.fresh_bell(), tab.path

    def end(self):
        for tab in self.tabs:
            tab.connect()
        self.settle()


NAMES = [name for name, parts in Story.STEPS.items() for _ in range(parts)]
number = st.integers(0, 11)
story = st.lists(st.tuples(st.sampled_from(NAMES), number, number), min_size=30, max_size=90)


@pytest.fixture
def stage(transactional_db, bo, chi, monkeypatch):
    with stage_for(bo, monkeypatch, crew=Group.objects.create(name="crew")) as stage:
        monkeypatch.setattr(push, "nudge_board", stage.nudges.append)
        monkeypatch.setattr(push, "nudge_job", lambda *job: stage.nudges.append(job))
        monkeypatch.setattr("notifications.job_task.send_now", lambda *job: None)
        monkeypatch.setattr(outlet, "JOB_FRAMES", 10**6)
        monkeypatch.setattr(outlet, "JOB_SPACING", 0.0)
        for place in (job_lists, job_watch):
            monkeypatch.setattr(place, "TRAY_LENGTH", 2)
        monkeypatch.setattr(job_lists, "LIST_LENGTH", 3)
        monkeypatch.setattr(missing, "CHANGES_LIMIT", 6)
        monkeypatch.setattr(frames, "changed_rows", with_something_before(frames.changed_rows, stage))
        monkeypatch.setattr("notifications.lists.PAGE_LENGTH", 3)
        yield stage


@seed(SEED)
@given(paths=st.lists(st.sampled_from(PATHS), min_size=1, max_size=2), story=story)
@settings(
    max_examples=int(os.environ.get("PROPERTY_EXAMPLES", "50")),
    deadline=None,
    database=None,
    phases=list(Phase) if os.environ.get("PROPERTY_SHRINK") else [Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_happens_every_page_equals_a_fresh_one(stage, paths, story):
    print(f"PROPERTY_SEED={SEED}")
    bos = Story(stage, paths)
    for step, n, m in story:
        getattr(bos, step)(n, m)
        assert kept(bos.inbox) == recount(bos.inbox)
    bos.end()
