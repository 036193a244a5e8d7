"""The house: imports run downward, from the doors to the outlet, and each library is known in few rooms."""

import ast
from graphlib import TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: From top to bottom. A part may import from its own storey and from lower ones.
STOREYS = [
    # doors: they speak HTTP, sockets and shell
    "apps urls admin forms thread_forms context middleware signals views templatetags management testing "
    "live.consumers live.routing live.connections",
    # hands: they do things later, and turn objects into HTML
    "tasks job_task job_request live.hub live.database live.outlet live.frames live.job_frames live.job_moves "
    "live.job_positions live.job_watch live.session_watch live.audience_watch live.board_watch live.board_frames "
    "live.reach_watch live.echo_watch live.echo_frames live.standing live.numbers live.sweeper live.missing live.bus "
    "live.positions live.sessions "
    "live.origin live.alike live.thread_frames live.thread_positions live.thread_watch live.here_watch",
    # work: several nouns, no HTTP, no HTML
    "delivery echo broadcasting broadcast_numbers jobs running_job job_reporter job_endings job_ends job_branches "
    "job_results job_files job_keeper job_lists lists search snoozing story export recipients spreadsheets "
    "threads telling topics mentions thread_lists people",
    # nouns: the only writers
    "models",
    # outlet: ids, numbers and signals; no model
    "events progress categories verbs targets origins live.push live.groups live.codes live.metrics live.refusals "
    "live.wires",
]
DEPTHS = {f"notifications.{part}": depth for depth, parts in enumerate(STOREYS) for part in parts.split()}

#: Who may import what, from the libraries as well as from us; nobody else may.
ROOMS = {
    "accounts": "accounts config.urls",
    "channels": "notifications.live notifications.testing config.asgi",
    "celery": "celery_app accounts.tasks notifications.tasks notifications.job_task notifications.job_request "
    "notifications.management.commands.doctor",
    "django.http": "accounts config notifications.views notifications.context notifications.middleware "
    "notifications.live.origin",
    "django.template": "accounts config notifications.templatetags notifications.live.frames "
    "notifications.live.numbers notifications.live.job_frames notifications.live.thread_frames "
    "notifications.live.database notifications.views "
    "notifications.live.echo_frames",
    "websockets": "notifications.management.shell_door notifications.management.shell_page",
}


def stands_in(name: str, place: str) -> bool:
    return name == place or name.startswith(f"{place}.")


def find_modules() -> dict[str, Path]:
    """Everything of ours that is no test and no migration, by its dotted name."""
    files = [ROOT / "celery_app.py", *(ROOT.glob("accounts/**/*.py")), *(ROOT.glob("config/**/*.py"))]
    files += ROOT.glob("notifications/**/*.py")
    kept = [file.relative_to(ROOT) for file in files if not {"tests", "migrations"} & set(file.parts)]
    return {".".join(file.with_suffix("").parts).removesuffix(".__init__"): ROOT / file for file in kept}


MODULES = find_modules()


def imports_of(name: str) -> set[str]:
    """What a module imports when it runs: modules of ours by their name, others with the name that is taken."""
    tree = ast.parse(MODULES[name].read_text())
    for node in list(ast.walk(tree)):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            names = {f"{base}.{alias.name}" for alias in node.names}
            found |= {taken if taken in MODULES or base not in MODULES else base for taken in names}
    return found


IMPORTS = {name: imports_of(name) for name in MODULES}


def depth_of(name: str) -> int | None:
    return next((depth for part, depth in DEPTHS.items() if stands_in(name, part)), None)


def test_every_module_has_its_place_in_the_house():
    rooms = {name for name in MODULES if name.startswith("notifications.")} - {"notifications.live"}
    assert {name for name in rooms if depth_of(name) is None} == set()


def test_imports_run_downward_only():
    arrows = [(name, target, depth_of(name), depth_of(target)) for name in MODULES for target in IMPORTS[name]]
    ours = [arrow for arrow in arrows if None not in arrow]
    assert len(ours) > 50
    assert [f"{name} -> {target}" for name, target, depth, below in ours if below < depth] == []


def test_imports_never_run_in_a_circle():
    TopologicalSorter({name: (IMPORTS[name] & MODULES.keys()) - {name} for name in MODULES}).prepare()


@pytest.mark.parametrize("library", ROOMS)
def test_what_is_known_in_few_rooms_stays_there(library):
    users = {name for name in MODULES if any(stands_in(target, library) for target in IMPORTS[name])}
    allowed = ROOMS[library].split()
    assert {name for name in users if not any(stands_in(name, room) for room in allowed)} == set()


def test_notifications_knows_nothing_of_the_site_around_it():
    ours = {target for name in MODULES if stands_in(name, "notifications") for target in IMPORTS[name]}
    assert {target for target in ours if target.split(".")[0] in {"accounts", "config", "celery_app"}} == set()
