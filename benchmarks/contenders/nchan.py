"""nchan: nginx with a module in C, from Debian. What is published comes by HTTP."""

import http.client
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.ci import install, is_there
from benchmarks.machine import PATH, ROOT
from benchmarks.processes import Process
from config.tests.site import free_port

from . import HTML, Contender, Door, House
from .socketio import is_open

MODULE = "/usr/lib/nginx/modules/ngx_nchan_module.so"


class Nchan(Contender):
    name = "nchan"
    module = "nchan"
    is_foreign = True

    def missing(self) -> str:
        for package, name in (("nginx", "nginx"), ("libnginx-mod-nchan", MODULE)):
            if not is_there((name,)):
                install(package)
            if not is_there((name,)):
                return f"Debian's {package} is not here and could not be installed"
        return ""

    @contextmanager
    def running(self, directory: Path, sockets: int) -> Iterator[House]:
        port, path = free_port(), directory / "nchan.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        template = (ROOT / "benchmarks" / "rivals" / "nchan.conf").read_text()
        path.write_text(template.format(module=MODULE, user=user, directory=directory, port=port))
        command = [str(shutil.which("nginx", path=PATH)), "-e", "stderr", "-c", str(path)]
        with Process("server", command, directory, is_server=True) as server:
            server.wait_until(lambda: is_open(port), "it listens")
            yield House(server, Door(port, "/subscribe/everyone"), str(port), dict(os.environ))


class Sender:
    def __init__(self, address: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", int(address), timeout=10)

    def prepare(self, numbers: Iterable[int]) -> None:
        """There is nothing to prepare."""

    def send(self, number: int) -> None:
        self.connection.request("POST", "/publish?to=everyone", HTML.format(number=number))
        answer = self.connection.getresponse()
        answer.read()
        if answer.status not in (200, 201, 202):
            raise RuntimeError(f"nchan answered {answer.status}.")

    def clear(self) -> None:
        """Nothing is left of what was sent."""
