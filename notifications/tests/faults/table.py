"""The table of faults: one row each, gathered over several runs where FAULT_ROWS names a file."""

import os
from pathlib import Path

HEAD = ("fault", "committed", "missing", "doubled", "right after", "slowest", "failed requests")
ROWS: list[tuple[str, ...]] = []  # of this process
FILE = "FAULT_ROWS"


def tell(row: tuple[str, ...]) -> None:
    """A row, or a remark below it: a single cell."""
    ROWS.append(row)
    if path := os.environ.get(FILE):
        with Path(path).open("a") as file:
            file.write("\t".join(row) + "\n")


def read(path: Path) -> list[tuple[str, ...]]:
    return [tuple(line.split("\t")) for line in path.read_text().splitlines()]


def as_text(rows: list[tuple[str, ...]]) -> str:
    table = [HEAD, *rows]
    widths = [max(len(row[at]) for row in table if len(row) > 1) for at in range(len(HEAD))]
    lines = []
    for row in table:
        cells = [
            one if len(row) == 1 else one.ljust(width) if at == 0 else one.rjust(width)
            for at, (one, width) in enumerate(zip(row, widths, strict=False))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
