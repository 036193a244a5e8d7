"""Browsers may report violations of the policy; nobody can flood the log with it."""

import json
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from config import csp_reports

REPORTS = reverse("csp_reports")
LINE = "The Content Security Policy was violated: script-src-elem by https://evil.example on /inbox"
VIOLATION = {
    "document-uri": "https://belfry.example/inbox/secret-key/?q=secret",
    "effective-directive": "script-src-elem",
    "blocked-uri": "https://bo:secret@evil.example/a?secret",
}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.setattr(csp_reports, "book", csp_reports.Book())


def report(body=None, content_type="application/csp-report", **changed):
    said = {"csp-report": VIOLATION | changed} if body is None else body
    content = said if isinstance(said, bytes) else json.dumps(said).encode()
    return Client(enforce_csrf_checks=True).post(REPORTS, content, content_type)


def lines(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == csp_reports.__name__]


def test_the_policy_tells_browsers_where_to(client, db):
    policy = client.get(reverse("accounts:login"))["Content-Security-Policy"]
    assert f"report-uri {REPORTS}" in policy.split("; ")
    assert urlsplit(REPORTS).netloc == ""


def test_a_report_is_one_line_without_anything_of_the_reader(caplog):
    assert report().status_code == 204
    assert lines(caplog) == [LINE]


def test_the_reporting_api_says_it_otherwise(caplog):
    body = {"effectiveDirective": "script-src-elem", "blockedURL": "https://evil.example/a", "documentURL": "/inbox/"}
    assert report([{"type": "csp-violation", "body": body}], "application/reports+json").status_code == 204
    assert lines(caplog) == [LINE]


def test_the_same_kind_is_written_down_once_an_hour(caplog, monkeypatch):
    for n in range(100):
        report(**{"document-uri": f"https://belfry.example/inbox/{n}/"})
    assert lines(caplog) == [LINE]
    monkeypatch.setattr(csp_reports.book, "began", csp_reports.book.began - csp_reports.HOUR - 1)
    report()
    assert lines(caplog) == [LINE, LINE]


def test_the_kinds_of_an_hour_are_few(caplog):
    for n in range(csp_reports.KINDS_LIMIT + 50):
        report(**{"blocked-uri": f"https://{n}.example"})
    said = lines(caplog)
    assert len(said) == csp_reports.KINDS_LIMIT + 1
    assert said[-1].startswith("There are more violations")


@pytest.mark.parametrize("source", ["moz-extension://1/a.js", "chrome-extension", "about"])
def test_what_extensions_do_in_a_browser_is_none_of_ours(caplog, source):
    assert report(**{"blocked-uri": source}).status_code == 204
    assert report(**{"source-file": source}).status_code == 204
    assert lines(caplog) == []


def test_a_line_is_a_line_whatever_it_is_made_of(caplog):
    nasty = 'a\n{"level": "critical"}\x1b[31m\u202e\ud800\'<script>' + "x" * 500
    assert report(**{"blocked-uri": nasty, "effective-directive": nasty, "document-uri": nasty}).status_code == 204
    assert lines(caplog)[0].isprintable()
    assert lines(caplog)[0].isascii()
    assert len(lines(caplog)[0]) < 400


RUBBISH = [
    b"",
    b"\xff\xfe",
    b"nonsense",
    b"[" * 10_000,
    b"{}",
    b"[]",
    b"17",
    b'"x"',
    b"[[], null, 1]",
    b'{"csp-report": 1}',
    b'{"csp-report": {"blocked-uri": [1], "effective-directive": {}}}',
    b'{"csp-report": {"blocked-uri": "x"}}',
]


@pytest.mark.parametrize("rubbish", RUBBISH, ids=range(len(RUBBISH)))
def test_rubbish_is_refused_and_leaves_no_line(caplog, rubbish):
    assert report(rubbish).status_code == 400
    assert lines(caplog) == []


def test_what_is_large_is_not_read(caplog):
    assert report(b" " * (csp_reports.BYTES_LIMIT + 1)).status_code == 413
    assert lines(caplog) == []


def test_other_types_and_methods_are_refused(client):
    assert report({}, "text/plain").status_code == 400
    assert client.get(REPORTS).status_code == 405


@pytest.mark.parametrize("address", ["http://[", "//", "https://[::1", "data:text/html,secret", "javascript:1"])
def test_strange_addresses_are_no_error(caplog, address):
    assert report(**{"blocked-uri": address, "document-uri": address}).status_code == 204
    assert "secret" not in lines(caplog)[0]
