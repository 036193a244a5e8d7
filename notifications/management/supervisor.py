"""A small supervisor: starts children, brings back what dies, and takes everything down with itself.

Each child leads a session of its own, so a Ctrl-C in the terminal reaches only the supervisor, which then says goodbye
in order: last started, first stopped. On Linux the kernel tells the children when the supervisor itself is killed.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

FIRST_DELAY, LONGEST_DELAY = 1.0, 30.0  # seconds between a death and the restart
STEADY = 10.0  # up for that long, a child starts again with the first delay
PATIENCE = 10.0  # between SIGTERM and the next step
PARTING = 2.0  # between SIGTERM for its whole group, that may hand over what it is at, and SIGKILL
PULSE = 0.05
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class StartFailed(Exception):
    """A child ended, or was not ready in time, while everything was still starting."""


@dataclass
class Child:
    name: str
    command: list[str]
    process: "subprocess.Popen[str] | None" = None
    started: float = 0.0
    restart_at: float = 0.0
    delay: float = FIRST_DELAY

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """`start()` the children, `wait_until()` they are ready, `watch()` until a signal asks to stop; always `stop()`."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.children: list[Child] = []
        self.signals = 0  # how often we were asked to stop; the second time we stop being patient

    def listen(self) -> None:
        """Turn SIGINT, SIGTERM and SIGHUP into a wish to stop; under nohup, the last one stays without effect."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._asked_to_stop)

    def _asked_to_stop(self, number: int, frame: object) -> None:
        self.signals += 1

    def start(self, name: str, command: list[str]) -> None:
        child = Child(name, command)
        self.children.append(child)
        self._spawn(child)

    def wait_until(self, is_ready: Callable[[], bool], patience: float, what: str) -> None:
        """Return when it is ready or somebody asked to stop. Raises StartFailed when a child ends or time is up."""
        deadline = time.monotonic() + patience
        while not self.signals and not is_ready():
            for child in self.children:
                if not child.is_running:
                    raise StartFailed(f"{child.name} ended at once with {_ending(child)}.")
            if time.monotonic() > deadline:
                raise StartFailed(f"{what} was not ready within {patience:.0f} s.")
            time.sleep(PULSE)

    def watch(self) -> None:
        """Bring back what dies, until a signal asks to stop."""
        while not self.signals:
            now = time.monotonic()
            for child in self.children:
                self._look_after(child, now)
            time.sleep(PULSE)

    def _look_after(self, child: Child, now: float) -> None:
        if child.is_running:
            return
        if child.process is not None:
            if now - child.started > STEADY:
                child.delay = FIRST_DELAY
            self.say(f"{child.name} ended with {_ending(child)}; it is back in {child.delay:.0f} s.")
            _kill_group(child)
            child.process, child.restart_at = None, now + child.delay
            child.delay = min(child.delay * 2, LONGEST_DELAY)
        elif now >= child.restart_at:
            self._spawn(child)

    def _spawn(self, child: Child) -> None:
        child.started = time.monotonic()
        child.process = subprocess.Popen(
            child.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=end_with(os.getpid()),
        )
        threading.Thread(target=self._relay, args=(child.name, child.process), daemon=True).start()

    def _relay(self, name: str, process: "subprocess.Popen[str]") -> None:
        for line in filter(str.strip, process.stdout or ()):
            self.say(f"{name:>6} | {line.rstrip()}")

    def stop(self) -> None:
        """Ask the children to end, last started first and the first one at the very end; then insist."""
        self._end(self.children[1:])
        self._end(self.children[:1])

    def _end(self, children: Iterable[Child]) -> None:
        running = [child for child in children if child.process is not None]
        for child in reversed(running):
            if child.is_running and child.process is not None:
                child.process.terminate()
        self._wait_for(running, PATIENCE)
        late = [child for child in running if child.is_running]
        for child in late:
            _signal_group(child, signal.SIGTERM)
        self._wait_for(late, PARTING)
        for child in running:
            _kill_group(child)

    def _wait_for(self, children: list[Child], patience: float) -> None:
        deadline = time.monotonic() + patience
        while any(child.is_running for child in children) and time.monotonic() < deadline and self.signals < 2:
            time.sleep(PULSE)


def _kill_group(child: Child) -> None:
    """End the child and whatever it has left behind in its session."""
    if child.process is not None:
        _signal_group(child, signal.SIGKILL)
        child.process.wait()


def _signal_group(child: Child, number: signal.Signals) -> None:
    if child.process is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, number)


def _ending(child: Child) -> str:
    code = child.process.returncode if child.process else 0
    return signal.Signals(-code).name if code < 0 else f"code {code}"


def end_with(parent: int) -> Callable[[], None] | None:
    """Run in the new child, before its program: SIGTERM for it when `parent` dies, however that dies (Linux)."""
    if LIBC is None:
        return None

    def ask_kernel() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask_kernel
