"""A real site for tests: `manage.py up` on a free port with a directory of its own."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from django.conf import settings

PATIENCE = 60.0


def eventually(is_true: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    pause = threading.Event()
    while not is_true():
        assert time.monotonic() < deadline, f"Not within {patience:.0f} s: {what}"
        pause.wait(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(var_dir: Path, **other: str) -> dict[str, str]:
    """The surroundings of a stranger's `make run`: nothing of this test's own settings."""
    ours = ("SECRET_KEY", "ALLOWED_HOSTS", "HTTPS", "DATABASE_URL", "DJANGO_SETTINGS_MODULE")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "DEBUG": "1", "VAR_DIR": str(var_dir), **other}


def hear_hangups() -> None:
    """Also where the tests run under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Site:
    """`with Site(directory) as site:` is ready inside of the block, and gone after it."""

    def __init__(self, var_dir: Path, command: str = "up", **other: str) -> None:
        self.port = free_port()
        self.var_dir = var_dir
        self.lines: list[str] = []
        self.process = psutil.Popen(
            [sys.executable, "manage.py", command],
            cwd=settings.BASE_DIR,
            env=environment(var_dir, **{"PORT": str(self.port), "PYTHONUNBUFFERED": "1", **other}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=hear_hangups,
        )
        threading.Thread(target=self._listen, daemon=True).start()
        self.everyone: set[psutil.Process] = set()

    def _listen(self) -> None:
        self.lines.extend(line.rstrip() for line in self.process.stdout)

    def __enter__(self) -> "Site":
        eventually(lambda: self.is_ready() or self.process.poll() is not None, f"ready\n{self.output}")
        assert self.process.poll() is None, self.output
        return self

    def __exit__(self, *error: object) -> None:
        for process in {self.process, *self.family()}:
            if process.is_running():
                process.kill()
        self.process.wait()

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def get(self, path: str) -> tuple[int, str]:
        asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        asked.request("GET", path)
        answer = asked.getresponse()
        return answer.status, answer.read().decode()

    def is_ready(self) -> bool:
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def family(self) -> set[psutil.Process]:
        """The supervisor's children and theirs, those that have ended in the meantime included."""
        if self.process.is_running():
            self.everyone |= set(self.process.children(recursive=True))
        return self.everyone

    def child(self, word: str) -> psutil.Process | None:
        """The direct child that has this word in its command line."""
        found = [child for child in self.process.children() if word in " ".join(cmdline_of(child))]
        return found[0] if found else None

    def has_left_nobody(self) -> bool:
        return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in self.family())

    def end(self, number: signal.Signals) -> int:
        """Send this to the supervisor, and wait for its exit code."""
        self.family()
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE)


def cmdline_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
