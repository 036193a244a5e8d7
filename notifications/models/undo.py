"""Taking an act back. What it needs to know travels with the page as a signed text, so nothing has to be kept."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Self

from django.core import signing

SALT = "notifications.undo"
UNDO_SECONDS = 60  # for which it is accepted; pages offer it for ten


class TooLate(ValueError):
    """The text that should take an act back is too old, or is none of ours."""


@dataclass(frozen=True)
class Undo:
    """Which state an act gave, and when. By these the rows are found again that nobody has changed in this since."""

    inbox_id: int
    state: str  # "archived_at", "read_at" or "snoozed_at"
    at: datetime
    revision: int
    count: int
    before: dict[str, list[str]] = field(default_factory=dict)  # key: since when and until when it was snoozed before

    def sign(self) -> str:
        return signing.dumps({**asdict(self), "at": self.at.isoformat()}, salt=SALT, compress=True)

    @classmethod
    def from_signed(cls, text: str) -> Self:
        """Raises TooLate."""
        try:
            said: dict[str, Any] = signing.loads(text, salt=SALT, max_age=UNDO_SECONDS)
            return cls(**{**said, "at": datetime.fromisoformat(said["at"])})
        except (signing.BadSignature, TypeError, KeyError, ValueError):
            raise TooLate("This can no longer be undone.") from None
