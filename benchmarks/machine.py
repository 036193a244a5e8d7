"""The machine: who runs on which core, how fast it is at the moment, and the versions of everything."""

import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"  # where nginx often is
LOOP = 2_000_000  # additions of the loop that shows how fast the machine is
PACKAGES = ("Django", "channels", "channels_redis", "daphne", "Twisted", "autobahn", "uvicorn", "uvloop", "redis")

CORES = sorted(os.sched_getaffinity(0))
SERVER, OTHERS = {CORES[0]}, {CORES[-1]}  # client, publisher and bus keep away from the server's core


def speed() -> float:
    """Million additions a second of a plain loop on the server's core, just now."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, SERVER)
    try:
        began = time.perf_counter()
        for _ in range(LOOP):
            pass
        return LOOP / (time.perf_counter() - began) / 1e6
    finally:
        os.sched_setaffinity(0, before)


def allow_files(count: int) -> None:
    """For this process and those that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        sys.exit(f"The benchmarks open {count:,} files in one process; the limit here is {hard:,} (ulimit -Hn).")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def description() -> dict[str, str]:
    """What the figures were measured on."""
    return {
        "processor": f"{len(CORES)} cores of {processor()}",
        "system": system(),
        "Python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        **{name: said for name, words in PROGRAMS.items() if (said := first_line(words))},
    }


PROGRAMS = {
    "gcc": ["gcc", "--version"],
    "Node": ["node", "--version"],
    "nginx": ["nginx", "-v"],
    "nchan": ["dpkg-query", "--showformat=${Version}", "--show", "libnginx-mod-nchan"],
}


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def system() -> str:
    return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())


def first_line(command: list[str]) -> str:
    program = shutil.which(command[0], path=PATH)
    if program is None:
        return ""
    ran = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    return (ran.stdout or ran.stderr).split("\n")[0].strip() if ran.returncode == 0 else ""
