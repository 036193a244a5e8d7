"""What a page says of the thread that it shows. It comes from a browser: what is strange gets the full answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .positions import LARGEST, language_of, number, text, zone_of

STAMP = re.compile(r"[0-9a-f]{0,16}")


@dataclass(frozen=True)
class ThreadPosition:
    """Equal positions get equal frames, whoever's they are."""

    thread_id: int = 0  # 0: the page shows none
    at: int | None = None  # the revision that it shows; None is unknown
    last: int = 0  # the number of the newest message there
    first: int = 0  # and of the oldest one that it has loaded; 0: all of them
    loaded_at: int = LARGEST  # the revision of what it has loaded by itself, where that is older
    here: str = ""  # the stamp of who is there
    language: str = ""
    zone: str = ""
    is_gone: bool = False  # it says that the thread is not this reader's to see

    @classmethod
    def from_form(cls, form: Mapping[str, Any], epoch: str) -> "ThreadPosition":
        if not number(form.get("thread")):
            return NO_THREAD
        first, _, loaded_at = text(form.get("thread_from")).partition("@")
        told = number(first), number(loaded_at), number(form.get("thread_read"))
        at = number(form.get("thread_at")) if form.get("epoch") == epoch and None not in told else None
        here = text(form.get("here_at"))
        return cls(
            thread_id=number(form.get("thread")) or 0,
            at=at,
            last=(number(form.get("thread_read")) or 0) if at is not None else 0,
            first=(number(first) or 0) if at is not None else 0,
            loaded_at=(number(loaded_at) or 0) if at is not None else LARGEST,
            here=here if STAMP.fullmatch(here) else "?",
            language=language_of(form.get("language")),
            zone=zone_of(form.get("zone")),
        )

    @property
    def lacks_from(self) -> int:
        """What has changed after this revision is missing."""
        return min(self.at or 0, self.loaded_at)


NO_THREAD = ThreadPosition()
