from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now
from kombu.exceptions import OperationalError

from notifications.management.live_findings import live_findings, reader_named
from notifications.models import Board, Job
from notifications.models.notification import pending_inboxes
from notifications.views.health import bus_state, database_state

Finding = tuple[str, bool, str]  # what, whether it is well, and what it is or how to mend it

ASSETS = ("vendor/htmx/htmx.min.js", "vendor/htmx/ext/hx-ws.min.js", "vendor/htmx/ext/hx-upsert.min.js")
TICK_SECONDS = 15
WAIT_MINUTES = 10


class Command(BaseCommand):
    help = "Say what is wrong with database, bus, worker, tick, jobs and assets, and how to mend it."

    def add_arguments(self, parser: CommandParser) -> None:
        site = f"http://127.0.0.1:{settings.PORT}"
        parser.add_argument("--live", action="store_true", help="send an echo through the running site, too")
        parser.add_argument("--user", default="", help="whose echo it is (the first superuser, else of the staff)")
        parser.add_argument("--url", default=site, help=f"where the site, or one of its servers, answers ({site})")

    def handle(self, *, live: bool, user: str, url: str, **options: Any) -> None:
        findings = list(examine())
        if live:
            findings += examine_live(url, user)
        for what, is_well, said in findings:
            mark = self.style.SUCCESS("well ") if is_well else self.style.ERROR("wrong")
            self.stdout.write(f"{mark}  {what:<9} {said}")
        wrong = [what for what, is_well, _ in findings if not is_well]
        if wrong:
            raise CommandError(f"Not well: {', '.join(wrong)}.")


def examine() -> Iterator[Finding]:
    database = database_state()
    yield from database_findings(database)
    bus = bus_state()
    yield "bus", bus == "up", BUS[bus].format(url=settings.REDIS_URL)
    yield worker_finding() if bus == "up" else ("worker", False, "cannot be asked while the bus is down.")
    if database == "up":
        yield tick_finding()
        yield stamping_finding()
        yield jobs_finding()
    yield assets_finding()


def examine_live(url: str, name: str) -> Iterator[Finding]:
    if database_state() == "up":
        yield from live_findings(url, reader_named(name))
    else:
        yield "live", False, "cannot be tried while the database does not answer."


BUS = {
    "up": "answers.",
    "down": "{url} does not answer. Pages work on, and live updates come within 2 s. Start Redis or Valkey.",
}


def database_findings(state: str) -> Iterator[Finding]:
    said = {
        "up": "answers, and its tables are up to date.",
        "not migrated": "lacks migrations. Run: manage.py migrate",
        "down": "does not answer. Check DATABASE_URL and that the server runs.",
    }
    yield "database", state == "up", said[state]


def worker_finding() -> Finding:
    with current_app.connection_for_write() as connection:  # a new one: those of the pool may have died with the broker
        try:
            answers = current_app.control.ping(timeout=1.0, connection=connection)
        except (OperationalError, *connection.connection_errors) as error:
            return "worker", False, f"The broker does not answer ({error}). Check Celery's broker_url."
    if answers:
        return "worker", True, f"{len(answers)} answered."
    return "worker", False, "No Celery worker answers. Run: celery -A celery_app worker"


def tick_finding() -> Finding:
    ticked_at = Board.load().ticked_at
    if ticked_at and now() - ticked_at < timedelta(seconds=TICK_SECONDS):
        return "tick", True, "is running."
    last = f"last ran at {ticked_at:%Y-%m-%d %H:%M:%S} UTC" if ticked_at else "never ran"
    return "tick", False, f"{last}. Run: manage.py tick"


def stamping_finding() -> Finding:
    left = len(pending_inboxes(1_000))
    if left:
        return "stamping", False, f"{left} inboxes wait for the tick. If this stays so, look at its log."
    return "stamping", True, "nothing is left behind."


def jobs_finding() -> Finding:
    waiting = Job.objects.due_for(timedelta(minutes=WAIT_MINUTES)).count()
    if waiting:
        said = f"{waiting} have waited for a worker for more than {WAIT_MINUTES} minutes. Run more workers."
        return "jobs", False, said
    return "jobs", True, "none has waited for long."


def assets_finding() -> Finding:
    missing = [path for path in ASSETS if finders.find(path) is None]
    if missing:
        return "assets", False, f"{', '.join(missing)} not found. Run: npm ci"
    return "assets", True, "are there."
