"""Where a Django site lives for a run: a database with signed-in readers in it, made once and copied for each run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

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

    database = "SQLite"

    def __init__(self, directory: Path, readers: int = READERS) -> None:
        self.directory, self.readers = directory, readers

    def environment(self, directory: Path, port: int = 8000, **other: str) -> dict[str, str]:
        """That of a site in this copy."""
        return environment(directory, port, **other)

    def copy(self, directory: Path) -> Path:
        """The file with the readers' pages in a copy of it all."""
        if not self.directory.exists():
            self._make()
        shutil.copytree(self.directory, directory, dirs_exist_ok=True)
        return directory / "pages"

    def _make(self) -> None:
        self.directory.mkdir()
        for words in (
            ["manage.py", "migrate", "--verbosity=0"],
            ["manage.py", "collectstatic", "--noinput", "--verbosity=0"],
            ["-m", "benchmarks.readers", str(self.readers), str(self.directory / "pages")],
        ):
            own = self.environment(self.directory)
            subprocess.run([sys.executable, *words], cwd=ROOT, env=own, check=True)


class PostgreSQLGrounds(Grounds):
    """The same with a database of a PostgreSQL for each copy."""

    database = "PostgreSQL"

    def __init__(self, directory: Path, url: str, readers: int = READERS) -> None:
        super().__init__(directory, readers)
        self.url = url

    def environment(self, directory: Path, port: int = 8000, **other: str) -> dict[str, str]:
        return environment(directory, port, DATABASE_URL=self._url_of(directory.name), **other)

    def _url_of(self, name: str) -> str:
        return urlsplit(self.url)._replace(path=f"/belfry_{name}").geturl()

    def copy(self, directory: Path) -> Path:
        pages = super().copy(directory)
        self.create(directory.name, template=f"belfry_{self.directory.name}")
        return pages

    def _make(self) -> None:
        self.create(self.directory.name)
        super()._make()

    def create(self, name: str, template: str = "template1") -> str:
        """A new database; its URL."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "belfry_{name}" TEMPLATE "{template}"')
        return self._url_of(name)
