"""A process that publishes, as requests and tasks do beside a server: `python -m benchmarks.publisher MODULE ADDRESS
TABLE`. It takes orders from its standard input, one JSON object a line, and answers each of them with a line."""

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from .table import Table

STALLED = 15.0  # seconds without any delivery after which what has not come is taken for lost


def main(module: str, address: str, path: str) -> None:
    sender = importlib.import_module(f"benchmarks.contenders.{module}").Sender(address)
    table = Table(Path(path))
    answer({"ready": True})
    for line in sys.stdin:
        order = json.loads(line)
        what = order.pop("do")
        if what == "publish":
            answer(publish(sender, table, **order))
        else:
            answer({"done": getattr(sender, what)(**order)})


def answer(said: dict[str, Any]) -> None:
    print(json.dumps(said), flush=True)


def publish(
    sender: Any,
    table: Table,
    *,
    first: int,
    least: int,
    most: int,
    fanout: int,
    seconds: float = 0.0,
    window: int = 0,
    rate: float = 0.0,
    patience: float = STALLED,
    by: str = "send",
) -> dict[str, Any]:
    """Messages from number ``first`` on: at least and at most so many, and between that for so many seconds. Either
    with at most ``window`` of them under way, or so many a second. In the end it waits until the last has come, unless
    nothing comes for ``patience`` seconds."""
    numbers = range(first, first + most)
    send = getattr(sender, by)
    if by == "send":
        sender.prepare(numbers)
    before, began = table.header.completed, time.monotonic()
    calls: list[float] = []
    for sent, number in enumerate(numbers):
        if window and not wait_for(table, before + sent + 1 - window, patience):
            break
        if rate:
            time.sleep(max(0.0, began + sent / rate - time.monotonic()))
        if sent >= least and time.monotonic() - began > seconds:
            break
        table.messages[number].fanout = fanout
        table.messages[number].sent = at = time.monotonic()
        send(number)
        calls.append(time.monotonic() - at)
    wait_for(table, before + len(calls), patience)
    return {"count": len(calls), "calls": calls}


def wait_for(table: Table, completed: int, patience: float) -> bool:
    """Until so many messages have come to everybody; False when nothing comes any more."""
    deliveries, deadline = 0, time.monotonic() + patience
    while table.header.completed < completed:
        if table.header.deliveries != deliveries:
            deliveries, deadline = table.header.deliveries, time.monotonic() + patience
        if time.monotonic() > deadline:
            return False
        time.sleep(0.0002)
    return True


if __name__ == "__main__":
    main(*sys.argv[1:])
