"""The fault suite at its full size: on PostgreSQL and Daphne, then in short on SQLite and under uvicorn.

Each part is a run of pytest. The table of all of them is printed in the end; arguments, as files of tests, go to the
full part, which is then the only one.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from programs import ensure_chromium, ensure_nginx, say  # noqa: E402

from notifications.tests.faults import table  # noqa: E402

FAULTS = "notifications/tests/faults"
SHORT = [f"{FAULTS}/test_{name}.py" for name in ("bus", "servers", "cuts", "writers")]


def main(arguments: list[str]) -> int:
    ensure_chromium()
    ensure_nginx()
    parts = [("At full size, on PostgreSQL and Daphne", {"FAULTS": "full"}, arguments or [FAULTS])]
    if not arguments:
        parts += [
            ("In short, on SQLite", {}, SHORT),
            ("In short, under uvicorn", {"FAULT_SERVER": "uvicorn"}, SHORT),
            ("Celery, in real processes", {}, ["notifications/tests/process"]),
        ]
    with tempfile.TemporaryDirectory(prefix="belfry-faults-") as directory:
        rows = Path(directory) / "rows"
        codes = [run(title, {table.FILE: str(rows), **more}, files, rows) for title, more, files in parts]
        print(table.as_text(table.read(rows)))
        return int(any(codes))


def run(title: str, more: dict[str, str], files: list[str], rows: Path) -> int:
    """One part; pytest's exit code. Its rows come below its title."""
    say(title)
    with rows.open("a") as file:
        file.write(f"{title}:\n")
    command = [sys.executable, "-m", "pytest", "-q", "--show-capture=no", "--tb=short", *files]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.run(command, cwd=ROOT, env={**environment, **more}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
