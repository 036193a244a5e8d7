import os
from pathlib import Path
from typing import Any

import polib
from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Compile the catalogues in LOCALE_PATHS that have changed. It needs no gettext."
    requires_system_checks: list[str] = []

    def handle(self, *, verbosity: int, **options: Any) -> None:
        for source in (found for path in settings.LOCALE_PATHS for found in Path(path).glob("*/LC_MESSAGES/*.po")):
            if compile_catalogue(source) and verbosity:
                self.stdout.write(f"Compiled {source}.")


def compile_catalogue(source: Path) -> bool:
    """Whether there was something to do. Who reads meanwhile, reads the old one or the new one."""
    compiled = source.with_suffix(".mo")
    if compiled.exists() and compiled.stat().st_mtime >= source.stat().st_mtime:
        return False
    new = source.with_suffix(f".{os.getpid()}")
    polib.pofile(str(source)).save_as_mofile(str(new))
    new.replace(compiled)
    return True
