"""Fixtures for every test: the bus, the browser, and the order in which tests run."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from asgiref.sync import SyncToAsync
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections

from config.tests.chromium import CHROMIUM_FLAGS, chromium
from notifications.management.valkey import valkey_command

User = get_user_model()


class ValkeyServer:
    """A real Valkey on this worker's own socket. Every verb may be said twice."""

    def __init__(self, socket: Path, directory: Path) -> None:
        self.command = valkey_command(socket, directory)
        self.client = redis.Redis(unix_socket_path=str(socket))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run, and answer."""
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)
        retry = redis.retry.Retry(redis.backoff.ConstantBackoff(0.02), 500)
        retry.call_with_retry(self.client.ping, lambda error: None)

    def kill(self) -> None:
        """Gone at once, as by kill -9; nobody is told."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def freeze(self) -> None:
        """There, but silent: connections stay open and nothing answers."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)


@pytest.fixture(scope="session", autouse=True)
def valkey_server() -> Iterator[ValkeyServer]:
    server = ValkeyServer(settings.VALKEY_SOCKET, settings.VAR_DIR / "valkey")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def valkey(valkey_server: ValkeyServer) -> Iterator[ValkeyServer]:
    """The bus, for tests that kill, start, freeze or thaw it. It runs again afterwards."""
    yield valkey_server
    valkey_server.thaw()
    valkey_server.start()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """The thread in which asynchronous code asks the database gives its connection back before the database goes."""
    yield
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture
def ada(db: None) -> Any:
    """Ada is staff."""
    return User.objects.create_user("ada", "ada@example.com", "belfry-demo", display_name="Ada Okafor", is_staff=True)


@pytest.fixture
def bo(db: None) -> Any:
    """Bo has an inbox."""
    return User.objects.create_user("bo", "bo@example.com", "belfry-demo", display_name="Bo Lindqvist")


@pytest.fixture
def chi(db: None) -> Any:
    """Chi must never see what is Bo's."""
    return User.objects.create_user("chi", "chi@example.com", "belfry-demo", language="de", time_zone="Europe/Berlin")


@pytest.fixture
def dana(db: None) -> Any:
    """Dana reads right to left."""
    return User.objects.create_user("dana", "dana@example.com", "belfry-demo", language="ar", time_zone="Asia/Beirut")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    path = chromium()
    if path is None:
        pytest.fail("The browser tests need a Chromium: install one, or name it in CHROMIUM.", pytrace=False)
    return {**browser_type_launch_args, "executable_path": path, "args": CHROMIUM_FLAGS}


@pytest.fixture(autouse=True)
def _database_beside_the_browser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Playwright's synchronous API keeps an event loop in this thread, which Django would take for async code."""
    if request.node.get_closest_marker("browser"):
        monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: once Playwright's loop runs in a worker, no asynchronous test can."""
    for item in items:
        if {"page", "browser", "context"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("browser")
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def pytest_unconfigure() -> None:
    """A worker of xdist ends without the usual goodbyes: the directory of its tests goes here."""
    shutil.rmtree(settings.VAR_DIR, ignore_errors=True)
