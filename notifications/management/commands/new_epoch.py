from typing import Any

from django.core.management.base import BaseCommand

from notifications.models import Board


class Command(BaseCommand):
    help = "After a restore from a backup: make every open page ask for the full truth."

    def handle(self, **options: Any) -> None:
        board = Board.load()
        board.begin_epoch()
        self.stdout.write(f"A new epoch has begun: {board.epoch}. Open pages reload their lists within seconds.")
