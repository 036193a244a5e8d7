"""The list of `make mutations` does not rot: what it changes stands there, and the tests that it names exist."""

import ast
from collections import Counter

from django.conf import settings

from .mutations import MUTATIONS

TESTS = settings.BASE_DIR / "notifications" / "tests"


def functions_of(file: str) -> set[str]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.parse((TESTS / file).read_text()).body if isinstance(node, functions)}


def test_what_a_mutation_changes_stands_there_exactly_once_and_becomes_something_else():
    edits = [(one.name, *edit) for one in MUTATIONS for edit in one.edits]
    counts = {(name, old): (settings.BASE_DIR / file).read_text().count(old) for name, file, old, _ in edits}
    assert {change: count for change, count in counts.items() if count != 1} == {}
    assert [name for name, _, old, new in edits if old == new] == []


def test_what_it_makes_of_a_module_is_still_python():
    for one in MUTATIONS:
        changed: dict[str, str] = {}
        for file, old, new in one.edits:
            changed[file] = changed.get(file, (settings.BASE_DIR / file).read_text()).replace(old, new)
        for file, text in changed.items():
            if file.endswith(".py"):
                compile(text, f"{one.name}: {file}", "exec")


def test_each_names_tests_that_exist():
    named = {tuple(test.split("::")) for one in MUTATIONS for test in one.tests}
    known = {file: functions_of(file) for file, _ in named}
    assert {(file, name) for file, name in named if name not in known[file]} == set()
    assert [one.name for one in MUTATIONS if not one.tests] == []


def test_each_has_a_name_of_its_own():
    assert [name for name, count in Counter(one.name for one in MUTATIONS).items() if count > 1] == []
