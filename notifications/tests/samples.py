"""The pages of the docs, taken apart: tables, links, headings and samples."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w+) ?(.*)\n((?s:.*?))^```$", re.MULTILINE)


def page(name: str) -> str:
    return (ROOT / name).read_text()


def section(name: str, heading: str) -> str:
    """What stands under a heading, down to the next one of the same depth or a higher one."""
    depth = len(heading) - len(heading.lstrip("#"))
    _, _, rest = page(name).partition(f"\n{heading}\n")
    assert rest, f"{name} has no heading {heading!r}"
    return re.split(rf"^#{{1,{depth}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def table(name: str, heading: str) -> list[list[str]]:
    """The cells of the tables under a heading, without their heads."""
    lines = [line for line in section(name, heading).splitlines() if line.startswith("|")]
    heads = {i + step for i, line in enumerate(lines) if line.startswith("| ---") for step in (-1, 0)}
    return [[cell.strip() for cell in line.strip("|").split("|")] for i, line in enumerate(lines) if i not in heads]


def names(cell: str) -> list[str]:
    """What stands in `backquotes`."""
    return re.findall(r"`([^`]+)`", cell)


def links(text: str) -> list[str]:
    """Where links and pictures lead, as far as that is in this repository."""
    text = FENCE.sub("", text)
    found = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'\b(?:src|srcset|href)="([^"]+)"', text)
    return [link for link in found if "://" not in link]


def anchors(file: Path) -> set[str]:
    """The names that headings have as targets of links."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", file.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@dataclass(frozen=True)
class Sample:
    """A fenced block of a page. Its marks say what a test does with it: run, recipe, embed, or file=PATH."""

    file: Path
    line: int
    language: str
    marks: tuple[str, ...]
    code: str

    def __str__(self) -> str:
        return f"{self.file.name}:{self.line}"

    @property
    def path(self) -> str:
        """The file that it is, or is a part of."""
        return next((mark.removeprefix("file=") for mark in self.marks if mark.startswith("file=")), "")

    def compiled(self) -> CodeType:
        """With the line numbers of the page."""
        return compile("\n" * self.line + self.code, str(self.file), "exec")


def samples(file: Path) -> Iterator[Sample]:
    text = file.read_text()
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Sample(file, line, found[1], tuple(found[2].split()), found[3])
