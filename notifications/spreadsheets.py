"""CSV as spreadsheets read it, written to local files that a job hands over or that vanish with it."""

import csv
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

#: What makes a spreadsheet take a cell for a formula, and run it on the computer of whoever opens the file.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


@contextmanager
def new_file(encoding: str = "utf-8") -> Iterator[tuple[Path, TextIO]]:
    """A local file of our own, to be written. It stays where the block comes to its end, and nowhere else."""
    handle, name = tempfile.mkstemp(prefix="belfry-")
    path = Path(name)
    try:
        with os.fdopen(handle, "w", encoding=encoding, newline="") as file:
            yield path, file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextmanager
def new_csv() -> Iterator[tuple[Path, Any]]:
    """The same for a CSV file, with its writer. The mark at its beginning tells spreadsheets that it is UTF-8."""
    with new_file("utf-8-sig") as (path, file):
        yield path, csv.writer(file)


def guarded(cell: object) -> str:
    """What looks like a formula begins with an apostrophe: then it is a text."""
    text = str(cell)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
