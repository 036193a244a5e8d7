"""Fault points: places in the code of a house's process at which it can be held, or killed.

The directory FAULT_POINTS holds a file with the name of a point while that is armed. Who comes by first takes the file
away, so it happens once.
"""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.apps import AppConfig

PAUSE = threading.Event()  # never set: to wait on it is to sleep
LONGEST = 60.0  # seconds, for a test that has died


class FaultsConfig(AppConfig):
    name = "notifications.tests.faults"
    label = "faults"

    def ready(self) -> None:
        from notifications.live import bus, database, outlet, push
        from notifications.models import clock, stamping

        bus.LINGER_SECONDS = float(os.environ["FAULT_LINGER"])
        outlet.UNACKNOWLEDGED_SECONDS = float(os.environ["FAULT_UNACKNOWLEDGED"])

        put_before(stamping, "settle", "before-stamping")  # delivery has its own name for it
        put_before(push, "nudge", "before-nudging")
        put_after(database, "frames_for", "after-looking")
        shift(clock)


def put_before(module: Any, name: str, point: str) -> None:
    real = getattr(module, name)

    def passing(*args: Any, **kwargs: Any) -> Any:
        pass_by(point)
        return real(*args, **kwargs)

    replace(module, name, real, passing)


def put_after(module: Any, name: str, point: str) -> None:
    real = getattr(module, name)

    def passing(*args: Any, **kwargs: Any) -> Any:
        answer = real(*args, **kwargs)
        pass_by(point)
        return answer

    replace(module, name, real, passing)


def replace(module: Any, name: str, real: Callable[..., Any], passing: Callable[..., Any]) -> None:
    """Where others have imported it by name, too."""
    import sys

    for one in list(sys.modules.values()):
        if getattr(one, "__name__", "").startswith("notifications.") and getattr(one, name, None) is real:
            setattr(one, name, passing)
    setattr(module, name, passing)


def directory() -> Path:
    return Path(os.environ["FAULT_POINTS"])


def pass_by(point: str) -> None:
    path = directory() / point
    held = path.with_suffix(".held")
    try:
        what = path.read_text()
        path.rename(held)
    except FileNotFoundError:
        return
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    for _ in range(int(LONGEST / 0.01)):
        if not held.exists():
            return
        PAUSE.wait(0.01)


def shift(clock: Any) -> None:
    """The clock of this process is wrong by the seconds in the file "clock"."""
    from datetime import timedelta

    now, microseconds = clock.now, clock.microseconds

    def seconds() -> float:
        try:
            return float((directory() / "clock").read_text())
        except (FileNotFoundError, ValueError):
            return 0.0

    clock.now = lambda: now() + timedelta(seconds=seconds())
    clock.microseconds = lambda: microseconds() + int(seconds() * 1_000_000)
