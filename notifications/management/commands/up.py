"""manage.py up: the whole site from one command, kept running."""

import fcntl
import http.client
import os
import shlex
import socket
import sys
import time
from typing import IO, Any, NoReturn

import redis
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection

from notifications.management.supervisor import StartFailed, Supervisor
from notifications.management.valkey import valkey_command

NOTIFY = 'manage.py notify bo "Lunch is ready" --body "Pumpkin soup today. Come before one."'
SECOND = "A second one beside it: PORT=8100 VAR_DIR=/tmp/belfry-2 make run"


class Command(BaseCommand):
    help = "Migrates, then runs the site: the embedded Valkey (unless REDIS_URL is given), server, worker and tick."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bind", default="127.0.0.1", help="address to listen on (127.0.0.1)")

    def handle(self, *, bind: str, **options: Any) -> None:
        began = time.monotonic()
        self.bind = bind
        self.supervisor = Supervisor(self.say)
        self.supervisor.listen()
        self.check_port()
        lock = self.claim_directory()
        try:
            self.start()
            if not self.supervisor.signals:
                self.welcome(time.monotonic() - began)
            self.supervisor.watch()
        except StartFailed as failure:
            refuse(str(failure))
        finally:
            self.supervisor.stop()
            lock.close()
        self.say("Belfry has stopped.")

    def start(self) -> None:
        self.start_bus()
        self.compile_catalogues()
        self.prepare_database()
        if not settings.DEBUG:
            call_command("collectstatic", interactive=False, verbosity=0)
        manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
        self.supervisor.start("serve", [*manage, "serve", "--bind", self.bind])
        self.supervisor.start("worker", worker_command())
        self.supervisor.start("tick", [*manage, "tick"])
        self.supervisor.wait_until(self.is_ready, 60, "The site")

    def start_bus(self) -> None:
        """The embedded Valkey; or a look at the Redis that was given."""
        if os.environ.get("REDIS_URL"):
            if problem := bus_problem():
                refuse(f"REDIS_URL is wrong: nothing useful answers there ({problem}).")
            return
        self.supervisor.start("valkey", valkey_command(settings.VALKEY_SOCKET, settings.VAR_DIR / "valkey"))
        self.supervisor.wait_until(lambda: not bus_problem(), 20, "The embedded Valkey")

    def compile_catalogues(self) -> None:
        """What was installed where nobody may write, was compiled before."""
        try:
            call_command("compile_catalogues", verbosity=0)
        except OSError as error:
            self.say(f"The catalogues cannot be compiled ({error.strerror}): some pages stay English.")

    def prepare_database(self) -> None:
        """Migrate, and fill a demo. This process needs one connection, so no pool, whose errors come late."""
        connection.settings_dict["OPTIONS"].pop("pool", None)
        try:
            connection.ensure_connection()
        except DatabaseError as error:
            name = "DATABASE_URL" if os.environ.get("DATABASE_URL") else "VAR_DIR"
            refuse(f"{name} is wrong: no connection to the database ({first_line(error)}).")
        call_command("migrate", interactive=False, verbosity=0)
        if settings.DEMO:
            call_command("demo_data", verbosity=0)
        connection.close()

    def check_port(self) -> None:
        """Refuse a taken port now, before anything is started that would have to be ended again."""
        family = socket.AF_INET6 if ":" in self.bind else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.bind, settings.PORT))
            except OSError as error:
                refuse(f"PORT {settings.PORT} on {self.bind} cannot be used ({error.strerror}). {SECOND}")

    def claim_directory(self) -> IO[str]:
        """Two sites in one VAR_DIR would fight for one Valkey. The lock ends with this process, however it ends."""
        lock = (settings.VAR_DIR / "up.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            refuse(f"VAR_DIR {settings.VAR_DIR} belongs to a site that is running. {SECOND}")
        return lock

    def is_ready(self) -> bool:
        """Does /readyz answer 200?"""
        host = "127.0.0.1" if self.bind in ("0.0.0.0", "::") else self.bind
        asked = http.client.HTTPConnection(host, settings.PORT, timeout=2)
        name = settings.ALLOWED_HOSTS[0].lstrip(".")
        try:
            asked.request("GET", "/readyz", headers={"Host": "localhost" if name == "*" else name})
            return asked.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            asked.close()

    def welcome(self, seconds: float) -> None:
        host = "localhost" if self.bind in ("127.0.0.1", "0.0.0.0", "::", "::1") else self.bind
        lines = [f"Belfry is ready: http://{host}:{settings.PORT}/  ({seconds:.1f} s)"]
        if settings.DEMO:
            python = sys.executable.removeprefix(f"{settings.BASE_DIR}/")
            lines += ["Sign in as ada (staff), bo, chi or dana; the password is belfry-demo."]
            lines += ["Then ring bo's bell from a second terminal:", f"    {given_environment()}{python} {NOTIFY}"]
        self.say("\n" + "\n\n".join([*lines, "Ctrl-C stops everything."]) + "\n\n")

    def say(self, line: str) -> None:
        try:
            self.stdout.write(line)
            self.stdout.flush()
        except BrokenPipeError:  # whoever listened is gone, and so is the reason to run
            self.supervisor.signals += 1


def worker_command() -> list[str]:
    quiet = ["-W", "ignore:You're running the worker with superuser"]
    worker = ["--concurrency=2", "--without-gossip", "--without-mingle", "--loglevel=WARNING"]
    return [sys.executable, *quiet, "-m", "celery", "--quiet", "--app=celery_app", "worker", *worker]


def bus_problem() -> str:
    """Why the bus does not answer, or nothing."""
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=2,
        socket_timeout=2,
        retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0),
    )
    try:
        client.ping()
    except redis.RedisError as error:
        return first_line(error)
    finally:
        client.close()
    return ""


def given_environment() -> str:
    """What another terminal must be told to meet this site."""
    names = ("DEBUG", "PORT", "VAR_DIR", "DATABASE_URL", "REDIS_URL")
    return "".join(f"{name}={shlex.quote(os.environ[name])} " for name in names if os.environ.get(name))


def first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def refuse(problem: str) -> NoReturn:
    raise SystemExit(f"Belfry cannot start: {problem}")
