"""What a page says of the jobs that it shows. It comes from a browser: what is strange gets the full answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from notifications.job_lists import FILTERS, Shown, stamp_of

from .positions import language_of, text, zone_of

LINE = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True)
class JobPosition:
    """Equal positions get equal frames. ``tray`` and ``shown`` are what stands in the page where that is known, and
    otherwise the stamp of it that the page gave."""

    inbox_id: int = 0
    user_id: Any = None
    tray: Shown | str = ""
    view: str = ""  # "list:all", "job:UUID", or "" for a page that shows no jobs but the tray
    shown: Shown | str = ""  # of the list; of the one job its version
    line: int = 0  # the last one of its log
    mark: str = ""  # of the one job, where that is known
    language: str = ""
    zone: str = ""

    @classmethod
    def from_form(cls, form: Mapping[str, Any], inbox_id: int, user_id: Any) -> Self:
        line = text(form.get("line"))
        return cls(
            inbox_id=inbox_id,
            user_id=user_id,
            tray=text(form.get("tray"))[:100],
            view=view_of(form.get("jobs")),
            shown=text(form.get("jobs_at"))[:100],
            line=int(line) if LINE.fullmatch(line) else 0,
            language=language_of(form.get("language")),
            zone=zone_of(form.get("zone")),
        )

    @property
    def list_name(self) -> str:
        return self.view.removeprefix("list:") if self.view.startswith("list:") else ""

    @property
    def job_id(self) -> str:
        return self.view.removeprefix("job:") if self.view.startswith("job:") else ""

    def has(self, job_id: str, version: int) -> bool:
        """Whether it shows this version of the job, or a later one, in each place that shows the job."""
        known: list[int] = []
        for place in (self.tray, self.shown if self.list_name else ()):
            if isinstance(place, str):
                return False
            known += [at for one, at, _mark in place if one == job_id]
        if self.job_id == job_id and isinstance(self.shown, str):
            known.append(int(self.shown) if self.shown.isdecimal() else 0)
        return bool(known) and min(known) >= version

    def knows(self, job_id: str) -> bool:
        """Whether it shows this job as active, so that its place is settled."""
        if isinstance(self.tray, str) or (self.list_name and isinstance(self.shown, str)):
            return False
        places = [*self.tray, *(self.shown if isinstance(self.shown, tuple) else ())]
        return any(one == job_id and mark for one, _, mark in places) or (self.job_id == job_id and bool(self.mark))


def view_of(value: object) -> str:
    kind, _, name = text(value).partition(":")
    if kind == "list" and name in FILTERS:
        return f"list:{name}"
    if kind == "job":
        try:
            return f"job:{UUID(name)}"
        except ValueError:
            return ""
    return ""


def is_same(place: Shown | str, now: Shown) -> bool:
    return place == now if isinstance(place, tuple) else place == stamp_of(now)
