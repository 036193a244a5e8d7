"""`make lint` asks for known vulnerabilities: one that is found fails, and a network that is not there does not."""

import importlib.util

import pytest
from django.conf import settings

spec = importlib.util.spec_from_file_location("audit", settings.BASE_DIR / ".ci" / "audit.py")
audit = importlib.util.module_from_spec(spec)
spec.loader.exec_module(audit)

PROBLEM = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["2"]}
PYTHON = {
    "dependencies": [
        {"name": "fine", "version": "1.0", "vulns": []},
        {"name": "leaky", "version": "1.0", "vulns": [PROBLEM]},
        {"name": "strange", "skip_reason": "not found"},
    ]
}
ADVISORY = {"url": "https://github.com/advisories/GHSA-1", "title": "Reads too much"}
NPM = {"vulnerabilities": {"leaky": {"via": [ADVISORY]}, "above": {"via": ["leaky"]}}}
NOTHING = {"dependencies": [{"name": "fine", "version": "1.0", "vulns": []}]}


@pytest.fixture
def lint(monkeypatch, capsys, tmp_path):
    """What `make lint` says where the two tools say this, and its exit code."""

    def run(python=NOTHING, npm={"vulnerabilities": {}}, accepted=""):  # noqa: B006
        (tmp_path / "accepted.toml").write_text(accepted)
        monkeypatch.setattr(audit, "ACCEPTED", tmp_path / "accepted.toml")
        monkeypatch.setattr(audit, "said_by", lambda command: python if "pip_audit" in command else npm)
        monkeypatch.setattr(audit.shutil, "which", lambda name: name)
        return audit.main(), capsys.readouterr().out.splitlines()

    return run


def accepted(**changed):
    one = {"id": '"CVE-2026-1"', "reason": '"It is not used."', "until": "2999-01-01"} | changed
    return "[[accepted]]\n" + "\n".join(f"{name} = {value}" for name, value in one.items())


def test_where_nothing_is_found_it_says_so(lint):
    assert lint() == (0, ["pip-audit: 0 found, 0 accepted.", "npm audit: 0 found, 0 accepted."])


def test_what_is_found_fails_and_is_named(lint):
    code, lines = lint(python=PYTHON, npm=NPM)
    assert code == 1
    assert "pip-audit: leaky 1.0: PYSEC-2026-1 CVE-2026-1" in lines
    assert "npm audit: leaky: Reads too much: GHSA-1" in lines
    assert "pip-audit: 1 found, 0 accepted; nothing is known of strange." in lines


@pytest.mark.parametrize("python", [None, [], {}, {"dependencies": [{"name": "a", "skip_reason": "not found"}]}])
def test_without_a_network_it_is_one_line_and_no_failure(lint, python):
    code, lines = lint(python=python, npm={"message": "405"})
    assert code == 0
    assert [line.partition(",")[0] for line in lines] == ["pip-audit: not done", "npm audit: not done"]


def test_what_somebody_has_accepted_does_not_fail_until_its_date(lint):
    assert lint(python=PYTHON, accepted=accepted())[0] == 0
    assert lint(python=PYTHON, accepted=accepted(until="2020-01-01"))[0] == 1


@pytest.mark.parametrize("wrong", [{"reason": '""'}, {"until": '"soon"'}, {"id": '""'}])
def test_accepting_without_a_reason_or_a_date_is_refused(lint, wrong):
    with pytest.raises(SystemExit, match="expected an id, a reason and a date"):
        lint(accepted=accepted(**wrong))
