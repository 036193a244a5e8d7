"""Environments of their own for rivals from PyPI that cannot live in ours."""

import subprocess
import venv
from pathlib import Path

HQ = ("django-notifications-hq==1.8.3", "Django==4.2.26", "setuptools==80.9.0", "psycopg[binary]==3.3.9")
CELERY_PROGRESS = ("celery-progress==0.5", "celery==5.7.0", "redis==8.0.1", "Django==5.2.13")


def python_with(directory: Path, packages: tuple[str, ...]) -> str:
    """The interpreter of one that has these; made when it is not there."""
    python = directory / "bin" / "python"
    if not python.exists():
        venv.create(directory, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        subprocess.run(command, check=True)
    return str(python)
