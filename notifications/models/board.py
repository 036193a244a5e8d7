import secrets

from django.db import models

from . import clock


def random_epoch() -> str:
    return secrets.token_urlsafe(12)


class Board(models.Model):
    """The one row that is about the whole site.

    ``epoch`` names this history of the database. After a restore from a backup the revisions of inboxes begin again at
    older numbers, so positions that pages hold must not be believed: a new epoch says so.
    """

    epoch = models.CharField(max_length=32, default=random_epoch)
    ticked_at = models.DateTimeField(null=True)
    retained_at = models.DateTimeField(null=True)  # when retention has last begun

    def __str__(self) -> str:
        return f"epoch {self.epoch}"

    @classmethod
    def load(cls) -> "Board":
        return cls.objects.filter(pk=1).first() or cls.objects.get_or_create(pk=1)[0]

    def begin_epoch(self) -> None:
        """Make every open page ask for the full truth."""
        self.epoch = random_epoch()
        self.save(update_fields=["epoch"])

    def note_retention(self) -> None:
        self.retained_at = clock.now()
        self.save(update_fields=["retained_at"])

    def note_tick(self) -> None:
        self.ticked_at = clock.now()
        self.save(update_fields=["ticked_at"])
