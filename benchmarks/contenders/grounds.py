"""Where a Django site lives for a run: a database with signed-in readers in it, made once and copied for each run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.machine import ROOT

READERS = 5_000


def environment(directory: Path, port: int = 8000, **other: str) -> dict[str, str]:
    """A site in production, but for TLS; nothing of the surroundings' own settings."""
    ours = ("DEBUG", "REDIS_URL", "DATABASE_URL", "FRAMES_PER_SECOND", "MAX_SOCKETS", "METRICS_TOKEN", "BUILD_ID")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "VAR_DIR": str(directory),
        "PORT": str(port),
        "SECRET_KEY": "a key for benchmarks only, and long enough to be accepted",
        "ALLOWED_HOSTS": "localhost",
        "HTTPS": "0",
        "LOG_LEVEL": "WARNING",
        **other,
    }


class Grounds:
    """Made at first use; ``copy()`` it for each run, so that none finds what another one has left."""

    def __init__(self, directory: Path, readers: int = READERS) -> None:
        self.directory, self.readers = directory, readers

    def copy(self, directory: Path) -> Path:
        """The file with the readers' pages in a copy of it all."""
        if not self.directory.exists():
            self._make()
        shutil.copytree(self.directory, directory, dirs_exist_ok=True)
        return directory / "pages"

    def _make(self) -> None:
        making = self.directory.with_suffix(".making")
        making.mkdir()
        for words in (
            ["manage.py", "migrate", "--verbosity=0"],
            ["manage.py", "collectstatic", "--noinput", "--verbosity=0"],
            ["-m", "benchmarks.readers", str(self.readers), str(making / "pages")],
        ):
            subprocess.run([sys.executable, *words], cwd=ROOT, env=environment(making), check=True)
        making.rename(self.directory)
