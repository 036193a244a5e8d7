"""What must not be taken away: breaks each promise in a copy of the tree, and sees the tests go red that hold it.

The list is notifications/tests/mutations.py. A mutation that no test notices is a hole in the suite, and fails this
run. Words as arguments choose those whose name has them: `make mutations ARGS="sweep epoch"`.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from test import ROOT, postgresql, say  # beside this file

sys.path.insert(0, str(ROOT))
from notifications.tests.mutations import MUTATIONS, Mutation

TESTS = "notifications/tests/"
AT_ONCE = (os.cpu_count() or 1) + 1  # mutations: many a test waits for what does not come
PATIENCE = 300  # seconds for the tests of one
FIRST_FAILURE = re.compile(r"^(?:FAILED|ERROR) \S*?([\w.]+::\S+)", re.MULTILINE)


class Stop(Exception):
    """This run means nothing."""


def main(words: list[str]) -> int:
    chosen = [one for one in MUTATIONS if all(word in one.name for word in words)] if words else MUTATIONS
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="belfry-mutations-") as directory, postgresql() as url:
        try:
            say("Unchanged, all tests that are named must be green:")
            see_green(chosen, Path(directory), url)
            say("Changed, each must go red:")
            with ThreadPoolExecutor(AT_ONCE) as threads:
                jobs = [threads.submit(is_noticed, one, Path(directory) / str(n), url) for n, one in enumerate(chosen)]
                holes = [one.name for one, job in zip(chosen, jobs, strict=True) if not job.result()]
        except Stop as stop:
            say(str(stop))
            return 2
    say(f"{len(chosen) - len(holes)} of {len(chosen)} were noticed, in {time.monotonic() - began:.0f} s.")
    return 1 if holes else 0


def see_green(mutations: Iterable[Mutation], directory: Path, url: str) -> None:
    for database in ("sqlite", "postgresql"):
        tests = sorted({test for one in mutations if one.database == database for test in one.tests})
        if not tests:
            continue
        code, said = pytest(copied(directory / database), tests, database, url, "--numprocesses=2")
        print(f"  {database}: {said.strip().splitlines()[-1]}", flush=True)
        if code:
            raise Stop(f"{said}\nThe tests must be green before anything is changed.")


def is_noticed(mutation: Mutation, tree: Path, url: str) -> bool:
    """Make it in a copy of the tree; True when a test fails there."""
    began = time.monotonic()
    for edit in mutation.edits:
        change(copied(tree) / edit[0], mutation.name, *edit[1:])
    try:
        code, said = pytest(tree, mutation.tests, mutation.database, f"{url}", "-x")
    except subprocess.TimeoutExpired:
        code, said = 1, f"FAILED {TESTS}{mutation.tests[0]} did not end"
    shutil.rmtree(tree)
    failed = FIRST_FAILURE.search(said)
    if code > 1 or (code and not failed):
        raise Stop(f"{said}\n{mutation.name!r}: its tests did not run (pytest ended with {code}); mend the mutation.")
    verdict = f"red    {failed[1]}" if failed else "GREEN  nobody has noticed"
    print(f"  {mutation.name:<68} {verdict}, {time.monotonic() - began:.0f} s", flush=True)
    return bool(failed)


def change(file: Path, name: str, old: str, new: str) -> None:
    text = file.read_text()
    if (count := text.count(old)) != 1:
        raise Stop(f"{name!r}: expected this once in {file.name}, found it {count} times; mend the mutation:\n{old}")
    file.write_text(text.replace(old, new))


def copied(tree: Path) -> Path:
    """What git knows and does not ignore, and the compiled catalogues."""
    if tree.exists():
        return tree
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    catalogues = [str(path.relative_to(ROOT)) for path in ROOT.glob("locale/**/*.mo")]
    for name in filter(lambda name: (ROOT / name).is_file(), [*names, *catalogues]):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    (tree / "node_modules").symlink_to(ROOT / "node_modules")
    return tree


def pytest(tree: Path, tests: Iterable[str], database: str, url: str, *options: str) -> tuple[int, str]:
    """Exit code, and what it said. Each tree has a database of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    if database == "postgresql":
        environment["DATABASE_URL"] = own_database(url, f"mutation_{tree.name}")
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", *options]
    run = subprocess.run(
        [*command, *(TESTS + test for test in tests)],
        cwd=tree, env=environment, check=False, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    return run.returncode, run.stdout + run.stderr


def own_database(url: str, name: str) -> str:
    return re.sub(r"^(\w+://[^/]*/)[^?]*", rf"\g<1>{name}", url)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
