"""Computes the sizes in docs/scaling.md: `python docs/sizes.py` writes them into the page.

The page is a sheet: what was measured and what is assumed are names with numbers, and each row of "Sizes" has a formula
of these names. A test computes the same and compares.
"""

import ast
import math
from pathlib import Path

PAGE = Path(__file__).with_name("scaling.md")
PAGES = (1_000, 10_000, 100_000, 1_000_000)  # open at the same time
ALLOWED = {"ceil": math.ceil, "max": max, "min": min}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def rows(text: str, heading: str) -> list[str]:
    """The lines of the table under a heading, without its head."""
    _, found, rest = text.partition(f"\n## {heading}\n")
    assert found, f"There is no heading {heading!r}."
    lines = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return lines[2:]


def given(text: str) -> dict[str, float]:
    """What was measured, and what is assumed."""
    lines = [cells(line) for heading in ("Measured", "Assumed") for line in rows(text, heading)]
    return {name.strip("`"): float(value.replace(",", "")) for name, value, *_ in lines}


def names_in(formula: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(formula)) if isinstance(node, ast.Name)} - ALLOWED.keys()


def sizes(text: str) -> list[tuple[str, str, str, list[float]]]:
    """Name, formula, meaning and the value for each number of pages; a formula may use the rows above its own."""
    known = [{"pages": float(pages), **given(text)} for pages in PAGES]
    found = []
    for line in rows(text, "Sizes"):
        name, meaning, formula = cells(line)[:3]
        values = []
        for one in known:
            one[name.strip("`")] = eval(formula.strip("`"), {"__builtins__": {}}, {**ALLOWED, **one})
            values.append(one[name.strip("`")])
        found.append((name, meaning, formula, values))
    return found


def shown(value: float) -> str:
    """Whole numbers from ten on; below that two digits that count."""
    if value >= 10 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2g}"


def computed(text: str) -> str:
    """The page with the values that follow from what stands in it."""
    lines = [
        f"| {name} | {meaning} | {formula} | {' | '.join(map(shown, values))} |"
        for name, meaning, formula, values in sizes(text)
    ]
    for was, by in zip(rows(text, "Sizes"), lines, strict=True):
        text = text.replace(was, by)
    return text


if __name__ == "__main__":
    page = PAGE.read_text()
    PAGE.write_text(computed(page))
    print("As it was." if PAGE.read_text() == page else f"{PAGE.name} has other sizes now.")
