"""What a piece of work asks PostgreSQL, and how many rows that reads. It imports nothing of ours: rivals use it too."""

import json
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection

TIMES = 15
BITMAP = "Bitmap Index Scan"  # its rows are counted where they are fetched


def cost(work: Callable[[], Any]) -> dict[str, float]:
    """Milliseconds (the median of several times), queries, and rows read."""
    work()  # everything is loaded and planned once
    times = [seconds(work) for _ in range(TIMES)]
    asked = queries(work)
    return {"ms": statistics.median(times) * 1000, "queries": len(asked), "rows": sum(rows_read(*one) for one in asked)}


def seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def queries(work: Callable[[], Any]) -> list[tuple[str, Any]]:
    asked: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT"):
            asked.append((sql, parameters))
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(note):
        work()
    return asked


def rows_read(sql: str, parameters: Any) -> float:
    """From tables and indexes, those included that were then thrown away."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", parameters)
        found = cursor.fetchone()[0]
    plan = json.loads(found) if isinstance(found, str) else found
    return sum(read_by(node) for node in nodes(plan[0]["Plan"]) if "Scan" in node["Node Type"])


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def read_by(node: dict[str, Any]) -> float:
    if node["Node Type"] == BITMAP:
        return 0.0
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return (node["Actual Rows"] + removed) * node["Actual Loops"]
