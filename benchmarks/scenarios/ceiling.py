"""The load client alone: how much it takes from a server in C that does one send() per socket and message."""

from benchmarks.bench import Bench
from benchmarks.client import Client, compiled
from benchmarks.contenders import Door
from benchmarks.machine import speed
from benchmarks.processes import Process
from benchmarks.report import Section, Table, number, spread
from benchmarks.table import Table as Memory
from config.tests.site import free_port

BYTES = {"a rival's frame": 620, "a frame of Belfry's": 6_000}
DELIVERIES = 400_000


def run(bench: Bench) -> Section:
    section = Section("The load client's own limit", " ".join((__doc__ or "").split()))
    rows = []
    for what, size in BYTES.items():
        for sockets in bench.sizes(200, 1_000, 5_000):
            rates = [measure(bench, sockets, size) for _ in range(bench.times)]
            rows.append([what, f"{size:,}", f"{sockets:,}", spread(rates)])
            bench.say(f"the bare server, {sockets:,} sockets, {size:,} bytes: {number(max(rates))} deliveries/s")
    section.tables = [Table("Deliveries a second", ["", "bytes", "sockets", "deliveries/s"], rows)]
    return section


def measure(bench: Bench, sockets: int, size: int) -> float:
    directory, port = bench.place(), free_port()
    directory.mkdir()
    messages = (2_000 if bench.is_quick else DELIVERIES) // sockets
    memory = Memory(directory / "table", messages)
    words = map(str, (port, memory.path, sockets, messages, 8, size))
    bench.note_speed(speed())
    with (
        Process("bare", [compiled("bare", bench.directory), *words], directory, is_server=True) as server,
        Client(bench.directory, directory, Door(port), sockets, memory, come_back=True) as client,
    ):
        client.wait_until(lambda: memory.header.completed == messages or not server.is_running, "all of it has come")
        server.check()
    if memory.header.doubled or memory.lost(0, messages):
        raise RuntimeError("The load client has miscounted.")
    return sockets * messages / (max(one.last for one in memory.messages) - memory.messages[0].sent)
