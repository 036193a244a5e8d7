"""One, two and four server processes behind nginx, with a backlog of eight broadcasts to all pages: what a delivery
costs all processes together. They share one core, so that the rate stays that of a core; it is the cost of being many
that shows, and that every page gets everything once, wherever it is."""

from benchmarks.bench import Bench
from benchmarks.contenders.behind_nginx import BelfryBehindNginx
from benchmarks.report import Goal, Section, Table, number, spread, verdict
from benchmarks.run import Result

WINDOW = 8
FLAT = 1.3  # times what one process spends on a delivery


def run(bench: Bench) -> Section:
    section = Section("Several server processes", " ".join((__doc__ or "").split()))
    (sockets,) = bench.sizes(2_000)
    results: dict[int, Result] = {}
    for servers in (1, 2) if bench.is_quick else (1, 2, 4):
        contender = BelfryBehindNginx(bench.grounds, servers)
        with bench.running(contender, sockets) as run:
            results[servers] = found = run.measure(bench.times, window=WINDOW, least=2 * WINDOW, seconds=1.2)
        bench.say(f"{contender.name}: {number(found.rate)}/s, {number(found.cpu_each)} µs each")
        if found.complaint:
            section.failures.append(f"{contender.name}: {found.complaint}")
    section.tables = [table(sockets, results)]
    section.goals = [goal(results)]
    return section


def table(sockets: int, results: dict[int, Result]) -> Table:
    head = ["server processes", "deliveries/s", "µs CPU", "× one process", "lost or doubled"]
    rows = []
    for servers, found in results.items():
        times = number(found.cpu_each / results[1].cpu_each)
        rows.append([str(servers), spread(found.rates), number(found.cpu_each), times, found.complaint or "none"])
    return Table(f"{sockets:,} sockets", head, rows)


def goal(results: dict[int, Result]) -> Goal:
    most = max(found.cpu_each / results[1].cpu_each for found in results.values())
    is_exact = not any(found.complaint for found in results.values())
    figure = f"at most {number(most)} × one process"
    must = "CPU per delivery stays flat, counts exact"
    return Goal("One, two and four server processes", must, "-", figure, verdict(most <= FLAT and is_exact, True))
