"""How far a job has come, in memory: plain numbers that cost next to nothing to move."""

from collections.abc import Sequence


class Part:
    """One loop: how many of how many. A total of None is not known."""

    __slots__ = ("current", "total")

    def __init__(self, total: int | None = None) -> None:
        self.current = 0
        self.total = None if total is None else int(total)

    @property
    def is_used(self) -> bool:
        return bool(self.current) or self.total is not None


class Progress:
    """The loops that a job is in, the outermost first, and the phase that they belong to.

    Loops add up: the third of ten files, half of which is read, is 25 %. So do phases: each is an equal share. The
    share that is done never shrinks; where the numbers say less than before, or more than all, it is not known.
    """

    def __init__(self) -> None:
        self.parts: list[Part] = [Part()]
        self.planned: Sequence[str] = ()
        self.phase = 0  # 1 is the first
        self.phase_title = ""
        self.message = ""
        self.params: dict[str, object] = {}
        self._peak = 0.0
        self._last = Part()  # the loop that has ended last

    def begin_phase(self, title: str) -> None:
        """Its loops begin at nothing. Raises ValueError for one that was not planned, or is over."""
        if self.planned:
            ahead = self.planned[self.phase :]
            if title not in ahead:
                raise ValueError(f"The next phase is one of {', '.join(ahead) or 'none'}; got {title!r}.")
            self.phase = self.planned.index(title, self.phase) + 1
        self.phase_title = title
        self.parts, self._last = [Part()], Part()

    def begin_part(self, total: int | None) -> Part:
        self.parts.append(Part(total))
        return self.parts[-1]

    def end_part(self, part: Part) -> None:
        """It counts for nothing beside those around it; with nothing around it, it is shown until something follows."""
        if part in self.parts:  # else a phase has begun since
            del self.parts[self.parts.index(part) :]
            self._last = part

    @property
    def _shown(self) -> list[Part]:
        return [part for part in self.parts if part.is_used] or [self._last]

    def fraction(self) -> float | None:
        """The share of the whole that is done, 0 to 1; None where it is not known."""
        share: float | None = None
        within = 0.0
        for part in reversed(self._shown):
            if part.total and part.current <= part.total:
                share = within = min((part.current + within) / part.total, 1.0)
            elif part.is_used:
                share, within = None, 0.0
        if self.planned:
            share = (max(self.phase - 1, 0) + (share or 0.0)) / len(self.planned)
        if share is None or share < self._peak:
            return None
        self._peak = share
        return share

    def columns(self) -> dict[str, object]:
        """What a job's row says of it."""
        part = self._shown[0]  # the outermost one
        return {
            "current": part.current,
            "total": part.total,
            "fraction": self.fraction(),
            "phase": self.phase,
            "phase_count": len(self.planned),
            "phase_title": self.phase_title[:200],
            "message": self.message,
            "message_params": self.params,
        }
