"""Programs that the tests need and pip has not: Debian's are installed where that can be, and asked for elsewhere."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

CHROMIUMS = (os.environ.get("CHROMIUM") or "chromium", "chromium-browser", "google-chrome")
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"  # where nginx often is


def ensure_chromium() -> None:
    advice = "The browser tests need a Chromium: install your system's chromium package, or name one in CHROMIUM."
    ensure("chromium", CHROMIUMS, advice)


def ensure_nginx() -> None:
    ensure("nginx", ("nginx",), "The fault tests need nginx: install your system's nginx package.")


def ensure_haproxy() -> None:
    """The tests of docs/deploy/haproxy.cfg are skipped where it cannot be had."""
    ensure("haproxy", ("haproxy",))


def ensure_gcc() -> None:
    advice = "The load client needs a C compiler and the C library's headers: your system's gcc and libc6-dev packages."
    ensure("gcc", ("gcc",), advice)
    ensure("libc6-dev", ("/usr/include/stdio.h",), advice)


def ensure(package: str, names: tuple[str, ...], advice: str = "") -> None:
    """Without any advice nobody is turned away."""
    if is_there(names):
        return
    install(package)
    if advice and not is_there(names):
        sys.exit(advice)


def install(package: str) -> None:
    """Where that can be: on Debian, by root."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"Installing Debian's {package} (once) ...")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["apt-get", "update", "-q"], **quiet, check=False)
        command = ["apt-get", "install", "-qy", "--no-install-recommends", package]
        subprocess.run(command, **quiet, check=False, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def is_there(names: tuple[str, ...]) -> bool:
    """Whether one of these programs can be run; or, where a path is given, that file is there."""
    return any(Path(name).is_file() if name.startswith("/") else shutil.which(name, path=PATH) for name in names)


def say(line: str) -> None:
    print(f"\n{line}", flush=True)
