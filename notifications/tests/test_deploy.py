"""The files of docs/deploy keep up with the code: every command, variable, path and limit in them is one that is there.

`process/test_proxies.py` runs the two proxies' files for real.
"""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from configparser import RawConfigParser

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands, load_command_class

from notifications.live import connections
from notifications.management.commands import serve
from notifications.management.commands.up import worker_command

from .samples import ROOT
from .test_docs import variables

DEPLOY = ROOT / "docs" / "deploy"
SYSTEMD = DEPLOY / "systemd"
PYTHON = "/srv/belfry/.venv/bin/python"
UNITS = ("belfry-server@.service", "belfry-worker.service", "belfry-tick.service", "belfry-prepare.service")
SERVICES = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
EXAMPLE = (DEPLOY / "belfry.env.example").read_text()


def check_command(command: list[str]) -> None:
    """What comes after python: a command of ours with arguments that it takes, or the worker as `up` starts it."""
    if command[0] == "manage.py":
        name, *arguments = command[1:]
        parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
        parser.parse_args(arguments)
    else:
        ours = worker_command()
        assert command == ours[ours.index("-m") :]


# The environment.


def given(text: str = EXAMPLE) -> dict[str, str]:
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))


def defaults() -> dict[str, object]:
    """The constants that the settings hand over as default."""
    tree = ast.parse((ROOT / "config" / "settings.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and "env." in ast.unparse(node.func)]
    constants = [call.args[:2] for call in calls if all(isinstance(one, ast.Constant) for one in call.args[:2])]
    return {name.value: rest[0].value if rest else "" for name, *rest in constants}


def test_the_example_of_an_environment_names_every_variable_once():
    named = re.findall(r"^#?([A-Z_]+)=", EXAMPLE, re.MULTILINE)
    read = variables(ROOT / "config" / "settings.py") | variables(ROOT / "config" / "environment.py")
    assert sorted(named) == sorted(read)


def test_what_the_example_shows_as_a_default_is_one():
    known = defaults()
    shown = {name: value for name, value in re.findall(r"^#([A-Z_]+)=(.+)$", EXAMPLE, re.MULTILINE) if name in known}
    assert len(shown) > 10
    assert {name: str(int(known[name]) if known[name] is False else known[name]) for name in shown} == shown


def test_the_site_starts_with_the_example_once_there_is_a_key(tmp_path):
    ours = {*given(re.sub("^#", "", EXAMPLE, flags=re.MULTILINE)), "DJANGO_SETTINGS_MODULE"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= given() | {"VAR_DIR": str(tmp_path)}
    command = [sys.executable, "-c", "import config.settings"]
    refused = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert "SECRET_KEY is not set" in refused.stderr
    subprocess.run(command, cwd=ROOT, env={**environment, "SECRET_KEY": "k" * 50}, check=True)


# systemd.


def unit(name: str) -> RawConfigParser:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read_string((SYSTEMD / name).read_text())
    return parser


def commands(name: str) -> list[list[str]]:
    lines = re.findall(r"^ExecStart=(.+)$", (SYSTEMD / name).read_text(), re.MULTILINE)
    return [shlex.split(line.replace("%i", "8001")) for line in lines]


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_runs_what_is_there(name):
    assert commands(name)
    for python, *command in commands(name):
        assert python == PYTHON
        check_command(command)


def test_what_is_told_to_end_has_the_time_for_it():
    assert float(unit("belfry-server@.service")["Service"]["TimeoutStopSec"]) > serve.DEADLINE
    assert float(unit("belfry-worker.service")["Service"]["TimeoutStopSec"]) > settings.CELERY_TASK_TIME_LIMIT
    assert all(unit(name)["Service"]["KillMode"] == "mixed" for name in UNITS[:3])


def test_a_server_may_open_as_many_files_as_it_has_sockets_and_more():
    wanted = int(given()["MAX_SOCKETS"]) + connections.WAITING_LIMIT + serve.OTHER_FILES
    assert int(unit("belfry-server@.service")["Service"]["LimitNOFILE"]) >= wanted
    assert SERVICES["server-1"]["ulimits"]["nofile"] >= wanted


@pytest.fixture
def installed(tmp_path):
    """The units as they lie in /etc/systemd/system, with this Python in them."""
    shutil.copytree(SYSTEMD, tmp_path, dirs_exist_ok=True)
    for file in tmp_path.glob("*.service"):
        file.write_text(file.read_text().replace(PYTHON, sys.executable).replace("/usr/bin/curl", sys.executable))
    return tmp_path


def analyze(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    analyzer = shutil.which("systemd-analyze")
    if not analyzer:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run(
        [analyzer, *arguments], env={**os.environ, **more}, capture_output=True, text=True, check=False
    )


def test_systemd_finds_nothing_wrong_with_the_units(installed):
    names = ["belfry.target", *(name.replace("@", "@8001") for name in UNITS)]
    said = analyze("verify", *(str(installed / name) for name in names), SYSTEMD_UNIT_PATH=f"{installed}:")
    ours = [line for line in (said.stdout + said.stderr).splitlines() if "belfry" in line]  # not what the machine has
    assert ours == []


@pytest.mark.parametrize("name", UNITS)
def test_a_service_may_do_little(installed, tmp_path_factory, name):
    """What they have in common reaches each of them: without it systemd calls their exposure 9.6 of 10."""
    root = tmp_path_factory.mktemp("root")
    shutil.copytree(installed, root / "etc/systemd/system")
    said = analyze("security", f"--root={root}", "--offline=true", "--threshold=20", name.replace("@", "@8001"))
    assert said.returncode == 0, said.stdout + said.stderr


# Compose, and the image.


def test_each_container_runs_what_is_there():
    ours = {name: service["command"] for name, service in SERVICES.items() if service["image"] == "belfry"}
    assert set(ours) == {"prepare", "server-1", "server-2", "worker", "tick"}
    shell, _, script = ours.pop("prepare")
    assert shell == "sh"
    for python, *command in [*ours.values(), *map(shlex.split, script.split("&&"))]:
        assert python == "python"
        check_command(command)


def test_containers_are_told_of_variables_that_there_are():
    for service in SERVICES.values():
        if service["image"] == "belfry":
            assert service["environment"].keys() <= given(re.sub("(?m)^#", "", EXAMPLE)).keys()
            assert service["env_file"] == "belfry.env"


def test_containers_wait_for_and_mount_what_there_is():
    volumes = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["volumes"]
    for service in SERVICES.values():
        assert service.get("depends_on", {}).keys() <= SERVICES.keys()
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in volumes or source == "./tls" or (DEPLOY / source).exists()


def test_nginx_in_its_container_knows_the_servers_and_paths_that_are_there(tmp_path):
    change, _, run = SERVICES["nginx"]["command"][-1].partition("exec ")
    change = change.replace("/nginx.conf > /etc/nginx/", f"{DEPLOY}/nginx.conf > {tmp_path}/")
    subprocess.run(["sh", "-ec", change], check=True)
    told = (tmp_path / "nginx.conf").read_text()
    assert run.startswith("nginx ")
    assert [word for word in ("127.0.0.1:", "www-data", "/var/lib/belfry", "/etc/ssl/") if word in told] == []
    mounted = [volume.split(":")[1] for volume in SERVICES["nginx"]["volumes"]]
    assert {"/tls", "/data", "/nginx.conf"} == set(mounted)
    assert "ssl_certificate     /tls/belfry.pem;" in told
    assert "alias /data/static/;" in told
    for server in re.findall(r"server (server-\d):8000 ", told):
        assert SERVICES[server]["command"][-1] == "8000"


def test_the_image_is_made_of_files_that_there_are_and_of_all_that_the_site_needs():
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    copied = [
        word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]
    ]
    needed = {app.split(".")[0] for app in settings.INSTALLED_APPS if (ROOT / app.split(".")[0]).is_dir()}
    assert all((ROOT / name).exists() for name in copied)
    assert needed | {"manage.py", "celery_app.py", "locale", "static", "templates"} <= set(copied)
    admitted = re.findall(r"^!(.+)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    assert sorted(admitted) == sorted(set(copied))
