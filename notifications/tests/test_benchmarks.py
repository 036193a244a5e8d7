"""The benchmarks count before they time, and their page is made of nothing but what was measured."""

import importlib
import json
import shutil
import threading
from types import SimpleNamespace

import pytest
from websockets.sync.server import serve

from benchmarks import __main__ as main
from benchmarks import machine, report
from benchmarks.bench import Bench
from benchmarks.client import Client
from benchmarks.contenders import Door
from benchmarks.contenders.belfry import Belfry
from benchmarks.run import Block, Result
from benchmarks.scenarios import ceiling
from benchmarks.table import Table

needs_gcc = pytest.mark.skipif(not shutil.which("gcc"), reason="The load client is written in C, and gcc is not here.")


def result(lost=0, doubled=0):
    block = Block(0, 2, 0.5, 200 - lost, lost, (0.2, 0.3), (0.01, 0.01))
    return Result([block], cpu=0.01, frames=200, bytes=1000, doubled=doubled, full_lists=0, closed=0)


def test_rates_and_cost_are_of_what_has_come():
    assert result().rate == 400
    assert result().cpu_each == pytest.approx(50)
    assert result().complaint == ""


def test_what_was_lost_or_came_twice_is_told_of():
    assert result(lost=3, doubled=1).complaint == "3 lost, 1 doubled"


def test_a_run_with_a_failure_fails_and_one_without_does_not(monkeypatch, capsys):
    monkeypatch.setenv("BENCH_QUICK", "1")
    monkeypatch.setattr(main.os, "sched_setaffinity", lambda *_: None)
    for failures, code in (["Belfry: 1 lost"], 1), ([], 0):
        section = report.Section("Broadcast", "", failures=failures)
        monkeypatch.setattr(importlib, "import_module", lambda name, it=section: SimpleNamespace(run=lambda bench: it))
        assert main.main(["broadcast"]) == code
    assert "FAILED: Belfry: 1 lost" in capsys.readouterr().out


def test_a_scenario_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(SystemExit, match="no scenario speed; there are: ceiling, broadcast"):
        main.main(["speed"])


def test_every_scenario_is_in_the_list():
    here = {path.stem for path in (machine.ROOT / "benchmarks" / "scenarios").glob("*.py")}
    assert here == set(main.SCENARIOS)


def test_a_ratio_tells_how_far_it_may_be_off():
    assert report.ratio([10, 20, 30], [2, 4, 5]) == "5.00 (2.00–15.0)"
    assert report.spread([1200.4, 900, 1500]) == "1,200 (900–1,500)"


def test_the_page_holds_the_last_figures_of_each_scenario_and_says_what_was_not_run(tmp_path):
    goal = report.Goal("Broadcast", "10", "25", "12.0", report.verdict(True, False))
    section = report.Section("Broadcast", "How.", [goal], not_run=["nchan: not here"], measured={"measured": "today"})
    report.keep("idle", report.Section("Idle pages", "Others."), {}, tmp_path / "figures")
    kept = report.keep("broadcast", section, {"Python": "3.11"}, tmp_path / "figures")
    page = report.page(kept, ["broadcast", "idle", "steady"])
    assert "| Broadcast | 10 | 25 | 12.0 | must reached |" in page
    assert "- Broadcast: nchan: not here" in page
    assert "- steady: not measured yet" in page
    assert page.index("## Broadcast") < page.index("## Idle pages")


def test_the_committed_page_is_the_one_of_the_committed_figures():
    if report.FIGURES.exists():
        kept = json.loads(report.FIGURES.read_text())
        assert report.PAGE.read_text() == report.page(kept, main.SCENARIOS)


@needs_gcc
@pytest.mark.process
def test_the_client_counts_what_comes_twice_and_what_does_not_come(tmp_path):
    def talk(socket):
        for number in (0, 0, 1):
            socket.send(f"<p>@@{number}@@</p>")
        socket.recv()

    table = Table(tmp_path / "table", messages=3)
    for message in table.messages:
        message.fanout = 5
    with serve(talk, "127.0.0.1", 0, compression=None) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Client(tmp_path, tmp_path, Door(server.socket.getsockname()[1]), 5, table) as client:
            client.wait_until(lambda: table.header.completed == 2, "two messages have come to everybody")
            client.wait_until(lambda: table.header.doubled == 5, "one of them twice")
        server.shutdown()
    assert table.lost(0, 3) == 5
    assert table.header.deliveries == 10


@needs_gcc
@pytest.mark.process
def test_the_client_keeps_up_with_a_bare_server(tmp_path):
    assert ceiling.measure(Bench(tmp_path, is_quick=True), 20, 600) > 0


@needs_gcc
@pytest.mark.process
def test_pages_sign_in_get_each_broadcast_once_and_acknowledge(tmp_path):
    bench = Bench(tmp_path, is_quick=True)
    with bench.running(Belfry(bench.grounds), sockets=10) as run:
        measured = run.measure(1, window=4, least=8, most=8)
        assert measured.complaint == ""
        assert measured.deliveries == 80
        assert run.table.header.acknowledgements >= 10
