"""The house, the crowd that looks at it, and the writers; and the table at the end."""

import os
from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import Any

import pytest

from . import table
from .chromium import Browser
from .crowd import Crowd
from .house import House
from .trial import Trial
from .writer import Writer

IS_FULL = os.environ.get("FAULTS") == "full"
USUAL = ("postgresql" if IS_FULL else "sqlite", os.environ.get("FAULT_SERVER", "daphne"))
PEOPLE = count()  # the numbers of readers, so that no two trials share one


def size(short: int, full: int) -> int:
    """How much of it: in `make test`, and in `make faults`."""
    return full if IS_FULL else short


@pytest.fixture(scope="package")
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Everything runs. A test may kill what it likes; the next one has it back. ``on()`` asks for another one."""
    database, server = getattr(request, "param", USUAL)
    waits = {"linger": size(2, 30), "unacknowledged": size(3, 30)}
    with House(
        tmp_path_factory.mktemp("house"), database=database, server=server, workers=size(0, 2), **waits
    ) as house:
        yield house


def on(*houses: tuple[str, str]) -> pytest.MarkDecorator:
    """On these databases and servers, instead of on the usual ones."""
    return pytest.mark.parametrize("house", houses, indirect=True, ids="-".join)


@pytest.fixture(scope="package")
def _writer(house: House) -> Iterator[Writer]:
    writer = Writer(house.environment, house.directory)
    yield writer
    writer.kill()


@pytest.fixture(scope="package")
def _crowd(house: House) -> Iterator[Crowd]:
    crowd = Crowd(house.port)
    yield crowd
    crowd.stop()


@pytest.fixture(scope="package")
def _browser(house: House) -> Iterator[Browser]:
    browser = Browser(house.port)
    yield browser
    browser.stop()


@pytest.fixture
def crowd(_crowd: Crowd) -> Iterator[Crowd]:
    yield _crowd
    _crowd.close(list(_crowd.pages))
    _crowd.failures.clear()


@pytest.fixture
def writer(_writer: Writer) -> Writer:
    """A process that writes. One that a test kills must be another."""
    return _writer


@pytest.fixture
def others(house: House) -> Iterator[Callable[[], Writer]]:
    """``others()``: one more process that writes, which may be killed."""
    made: list[Writer] = []

    def make() -> Writer:
        made.append(Writer(house.environment, house.directory))
        return made[-1]

    yield make
    for writer in made:
        writer.kill()


@pytest.fixture
def trial(house: House, crowd: Crowd, writer: Writer, _browser: Browser) -> Iterator[Callable[[str], Trial]]:
    """``trial("Valkey killed")``: pages to be watched, and a row of the table at its ``end()``."""
    yield lambda name: Trial(name, house, crowd, writer, _browser)
    _browser.close()
    house.set_clocks(0)
    house.valkey.thaw()
    house.valkey.wire.heal()
    house.restart_what_is_down()


@pytest.fixture
def people(writer: Writer) -> Callable[[int], list[dict[str, Any]]]:
    """``people(3)``: readers that nobody else has anything to do with."""

    def make(number: int) -> list[dict[str, Any]]:
        first = min(islice(PEOPLE, number))
        return writer.make_readers(first, number)

    return make


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if table.ROWS and table.FILE not in os.environ:
        terminalreporter.write_line(table.as_text(table.ROWS))
