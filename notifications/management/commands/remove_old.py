from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from notifications.models.retention import Limits, removable, remove_slice


class Command(BaseCommand):
    help = "Removes what is put away or read and old enough, as the tick does once a day."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *, dry_run: bool, **options: Any) -> None:
        limits = Limits.of_site()
        if dry_run:
            self.stdout.write(f"{removable(limits).count()} notifications would be removed.")
            return
        removed = 0
        after: int | None = 0
        while after is not None:
            count, after = remove_slice(limits, after)
            removed += count
        self.stdout.write(f"{removed} notifications were removed.")
