"""What the code of a job may return, and raise."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .models.draft import check_url
from .models.job_words import WENT_WRONG


@dataclass(frozen=True)
class Result:
    """What a job has made: a link, or a file that its owner may download; ``label`` is what it is called."""

    url: str = ""
    file: Path | str | None = None  # a local file, which Belfry takes over
    label: str = ""

    def __post_init__(self) -> None:
        check_url(self.url)


class JobFailed(Exception):
    """It cannot be done, and the owner can understand why: ``JobFailed("There is no column {name}", name="e-mail")``.

    The text is looked up in the reader's language when it is shown.
    """

    def __init__(self, text: str, **params: Any) -> None:
        super().__init__(text)
        self.text, self.params = text, params


class RetryLater(JobFailed):
    """It cannot be done now. Where attempts are left, the next one comes after so many seconds."""

    def __init__(self, text: str = WENT_WRONG, *, after: float = 20.0, **params: Any) -> None:
        super().__init__(text, **params)
        self.after = after
