"""The docs keep up with the code: what one can set, call, watch and meet is in them, and what they print runs."""

import ast
import importlib
import inspect
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from asgiref.sync import sync_to_async
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, get_commands, load_command_class
from django.db.models.signals import post_delete
from django.dispatch import Signal
from django.template.loader import render_to_string
from django.test.utils import isolate_apps
from prometheus_client.metrics import MetricWrapperBase

from notifications import categories, delivery, events, targets, urls, verbs
from notifications.delivery import notify
from notifications.jobs import run_job
from notifications.live import codes, metrics
from notifications.live.frames import frames_for
from notifications.live.positions import Position
from notifications.models import Broadcast, Content, Draft
from notifications.models.draft import LIMITS, PARAMS_LIMIT
from notifications.testing.dom import Document
from notifications.threads import say, start_room

from .samples import PAGES, ROOT, Sample, anchors, links, names, page, samples, section, table

GUIDE, EMBEDDING = ROOT / "docs" / "guide.md", ROOT / "docs" / "embedding.md"
OUR_COMMANDS = sorted(name for name, app in get_commands().items() if app in {"accounts", "notifications"})
PYTHON_SAMPLES = [sample for file in PAGES for sample in samples(file) if sample.language == "python"]


# What is documented is all that there is, and nothing else.


def variables(file: Path) -> set[str]:
    """The names that a file hands to one of our readers of the environment."""
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call) and node.args]
    readers = [call for call in calls if re.match(r"env\.|text\b|os\.environ", ast.unparse(call.func))]
    first = [call.args[0].value for call in readers if isinstance(call.args[0], ast.Constant)]
    return {name for name in first if name.isupper()}


def test_every_variable_that_the_settings_read_is_documented():
    read = variables(ROOT / "config" / "settings.py") | variables(ROOT / "config" / "environment.py")
    assert {names(cells[0])[0] for cells in table("docs/operating.md", "## Settings")} == read


@pytest.mark.parametrize("name", OUR_COMMANDS)
def test_every_command_of_ours_is_documented_with_its_arguments(name):
    command = load_command_class(get_commands()[name], name)
    common = {action.dest for action in BaseCommand().create_parser("manage.py", "")._actions}
    own = [action for action in command.create_parser("manage.py", name)._actions if action.dest not in common]
    said = [cells[0] for cells in table("docs/operating.md", "## Commands") if f"manage.py {name}" in cells[0]]
    assert len(said) == 1
    assert [one.dest for one in own if (one.option_strings or [one.dest.upper()])[-1] not in said[0]] == []


def test_every_metric_is_documented():
    families = [one.describe()[0] for one in vars(metrics).values() if isinstance(one, MetricWrapperBase)]
    exposed = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    documented = [names(cells[0])[0] for cells in table("docs/operating.md", "## Metrics")]
    assert {name.partition("{")[0] for name in documented} == exposed


def test_every_signal_of_ours_is_documented():
    ours = {name for name, one in vars(events).items() if isinstance(one, Signal)}
    assert ours <= {name for cells in table("docs/guide.md", "## Signals") for name in names(cells[0])}


def test_every_argument_of_notify_is_documented():
    taken = [*inspect.signature(notify).parameters, *inspect.signature(delivery.make_draft).parameters]
    derived = {"content", "actor_id", "actor_name", "target_label"}
    arguments = {*taken, *Draft.__dataclass_fields__} - derived
    documented = [names(cells[0])[0] for cells in table("docs/guide.md", "### notify")]
    assert set(documented[: len(arguments)]) == arguments


def test_the_limits_of_a_notification_are_those_of_the_code():
    said = {names(cells[0])[0]: cells[1] for cells in table("docs/guide.md", "### notify")}
    limits = {**LIMITS, "params": PARAMS_LIMIT, "actor": LIMITS["actor_name"], "target": LIMITS["target_label"]}
    for name in said.keys() & limits.keys():
        assert f"{limits[name]:,} characters" in said[name], name


def test_every_close_code_is_documented():
    documented = {(int(cells[0]), names(cells[1])[0]) for cells in table("docs/architecture.md", "## Close codes")}
    assert documented == {(code, name) for name, code in vars(codes).items() if name.isupper()}


@pytest.mark.parametrize(
    "cells", table("docs/operating.md", "## Limits and sizes"), ids=lambda cells: names(cells[0])[0]
)
def test_a_constant_has_the_value_that_is_documented(cells):
    module, _, constant = names(cells[0])[0].rpartition(".")
    value = getattr(importlib.import_module(module), constant)
    said = [float(number.replace(",", "")) for number in re.findall(r"[\d.,]+", cells[1])]
    assert said == [float(one) for one in (value if isinstance(value, tuple) else [value])]


def test_every_module_is_on_the_map():
    modules = [file for file in (ROOT / "notifications").rglob("*.py") if file.name != "__init__.py"]
    mapped = section("docs/architecture.md", "## Where a file goes")
    ours = {file for file in modules if not {"tests", "migrations"} & set(file.parts)}
    paths = {str(file.relative_to(ROOT / "notifications")).removeprefix("management/commands/") for file in ours}
    assert {path for path in paths if f"`{path}`" not in mapped} == set()


def test_every_address_is_documented_by_its_name():
    documented = {name for cells in table("docs/architecture.md", "## Addresses") for name in names(cells[2])}
    assert documented == {pattern.name for pattern in urls.urlpatterns}


# What a page is made of.


@pytest.fixture
def everything(client, bo):
    """All that a reader's pages may hold, as one text: two pages, the open bell, and a frame with a toast."""
    notify(bo, title="Lunch is ready", key="KEY")
    Broadcast.draft(Content(title="Maintenance", placement="banner")).publish()
    client.force_login(bo)
    bell = client.post("/inbox/seen/", headers={"HX-Request": "true"})
    live = Position(board=0, since=0, may_toast=True, toasted=2, language="en", zone="UTC")
    with_bell = replace(live, is_bell_open=True)
    notify(bo, title="Coffee is ready")
    frames = "".join(frame.html for frame in frames_for({bo.inbox.pk: {live, with_bell}})[bo.inbox.pk].values())
    build = render_to_string("notifications/_new_build.html")
    with run_job(owner=bo, title="Counting") as job:
        job.log("a line")
    say(bo, start_room(bo, "Kitchen"), "Soup.")
    paths = ["/rooms/kitchen/", "/inbox/", "/inbox/KEY/", "/inbox/preferences/", "/jobs/", f"/jobs/{job.id}/"]
    pages = [client.get(path).content.decode() for path in paths]
    return "".join([*pages, bell.content.decode(), frames, build])


@pytest.mark.django_db(transaction=True)
def test_every_id_that_is_documented_is_in_the_pages(everything):
    there = set(re.findall(r'\bid="([^"]+)"', everything))
    holders = {
        "ARRIVAL": r"\d+",
        "UUID": "[0-9a-f-]{36}",
        "NAME": r"\w+",
        "ID": r"\d+",
        "2026-11-21": r"\d{4}-\d\d-\d\d",
        "N": r"\d+",
    }
    for cells in table("docs/architecture.md", "## HTML ids"):
        for name in names(cells[0]):
            pattern = re.sub("|".join(holders), lambda found: holders[found[0]], name)
            assert any(re.fullmatch(pattern, id_) for id_ in there), name


@pytest.mark.django_db(transaction=True)
def test_the_resume_form_holds_what_is_documented(everything):
    documented = {name for cells in table("docs/architecture.md", "## The resume form") for name in names(cells[0])}
    assert set(Document(everything).inputs("#resume")) == documented


# What stands in the pages leads somewhere, and works.


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_every_link_leads_to_something_that_is_there(file):
    for link in links(file.read_text()):
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_readme_says_how_to_run_it_and_how_to_test_it():
    targets = re.findall(r"^([a-z]+):", page("Makefile"), re.MULTILINE)
    for target in ("run", "test"):
        assert target in targets
        assert re.search(rf"^make {target}\b", page("README.md"), re.MULTILINE)


@pytest.mark.parametrize("sample", PYTHON_SAMPLES, ids=str)
def test_a_python_sample_compiles(sample):
    assert sample.compiled()


@pytest.fixture
def _registries(monkeypatch):
    """What samples register or listen to is forgotten afterwards."""
    for module in (categories, verbs, targets):
        monkeypatch.setattr(module, "_registry", dict(module._registry))
    for signal in [one for one in vars(events).values() if isinstance(one, Signal)]:
        monkeypatch.setattr(signal, "receivers", list(signal.receivers))
    yield
    post_delete.disconnect(sender=get_user_model(), dispatch_uid="belfry_target")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_registries", "live")
async def test_the_samples_of_the_guide_run_one_after_the_other(bo, chi):
    known = {"__name__": "guide", "bo": bo, "chi": chi, "live": None}
    for sample in [one for one in PYTHON_SAMPLES if one.file == GUIDE and "run" in one.marks]:
        there = set(known)
        await sync_to_async(exec)(sample.compiled(), known)
        for name in [name for name in known.keys() - there if name.startswith("test_")]:
            test = known[name]
            given = {argument: known[argument] for argument in inspect.signature(test).parameters}
            await (test(**given) if inspect.iscoroutinefunction(test) else sync_to_async(test)(**given))


@pytest.mark.django_db(transaction=True)
@isolate_apps("notifications")
def test_the_recipe_tells_the_customer_once(bo, monkeypatch):
    class Order(LogEntry):
        customer = property(lambda order: order.user)

        class Meta:
            proxy = True
            app_label = "notifications"

    shop = ModuleType("shop.models")
    shop.Order = Order
    monkeypatch.setitem(sys.modules, "shop.models", shop)
    (recipe,) = [one for one in PYTHON_SAMPLES if "recipe" in one.marks]
    known = {}  # keeps the receiver alive
    exec(recipe.compiled(), known)
    order = Order.objects.create(user=bo, action_flag=ADDITION, object_repr="Soup")
    order.save()
    assert [told.title for told in bo.inbox.notifications.all()] == ["We have your order"]


# A project of somebody else, made by doing what docs/embedding.md says.


def run(directory: Path, *command: str, **more: str) -> None:
    ours = {"DJANGO_SETTINGS_MODULE", "SECRET_KEY", "ALLOWED_HOSTS", "VAR_DIR", "DATABASE_URL", "HTTPS"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {"PYTHONPATH": str(directory), "PYTHONDONTWRITEBYTECODE": "1", **more}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def write(directory: Path, sample: Sample) -> None:
    """A file of its own, or the end of the one that Django made."""
    file = directory / sample.path
    before = file.read_text() if file.name == "settings.py" else ""
    file.write_text(before + sample.code)


BO = """

@pytest.fixture
def bo(transactional_db, django_user_model):
    return django_user_model.objects.create_user("bo")
"""


@pytest.mark.process
def test_a_project_made_as_the_page_says_has_a_live_inbox(tmp_path):
    run(tmp_path, sys.executable, "-m", "django", "startproject", "shop", ".")
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    for sample in samples(EMBEDDING):
        if "embed" in sample.marks:
            run(tmp_path, "sh", "-ec", sample.code, BELFRY=str(ROOT))
        elif sample.path:
            write(tmp_path, sample)
    for sample in samples(GUIDE):
        if sample.path:
            write(tmp_path, sample)
    (tmp_path / "conftest.py").write_text((tmp_path / "conftest.py").read_text() + BO)
    run(tmp_path, sys.executable, "manage.py", "makemigrations", "--check")
    run(tmp_path, sys.executable, "manage.py", "migrate")
    options = ["-p", "no:cacheprovider", "--ds=shop.settings", "-oasyncio_mode=auto", "-W", "ignore"]
    run(tmp_path, sys.executable, "-m", "pytest", *options, "test_page.py")
