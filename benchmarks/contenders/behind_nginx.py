"""Belfry with several server processes behind nginx. They share the server's core; nginx is on the other one."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.ci import ensure_nginx
from benchmarks.machine import PATH, ROOT
from benchmarks.processes import Process
from config.tests.site import free_port

from . import House, valkey
from .belfry import Belfry, answers
from .grounds import Grounds

CONFIGURATION = ROOT / "benchmarks" / "load" / "nginx.conf"


class Servers(Process):
    """Several processes that are counted as one."""

    def __init__(self, processes: list[Process]) -> None:
        self.processes = processes

    def cpu(self) -> float:
        return sum(one.cpu() for one in self.processes)

    def memory(self) -> int:
        return sum(one.memory() for one in self.processes)

    def check(self) -> None:
        for one in self.processes:
            one.check()


class BelfryBehindNginx(Belfry):
    def __init__(self, grounds: Grounds, servers: int) -> None:
        super().__init__(grounds)
        self.servers = servers
        self.name = f"Belfry, {servers} server process{'es' if servers > 1 else ''}"

    @contextmanager
    def running(self, directory: Path, sockets: int) -> Iterator[House]:
        ensure_nginx()
        pages, port = self.grounds.copy(directory), free_port()
        with valkey(directory) as bus, ExitStack() as stack:
            own = self.environment(directory, port)
            ports = [free_port() for _ in range(self.servers)]
            servers = [stack.enter_context(self.server(directory, one, own)) for one in ports]
            command = [str(shutil.which("nginx", path=PATH)), "-e", "stderr"]
            command += ["-c", str(configuration(directory, port, ports))]
            nginx = stack.enter_context(Process("nginx", command, directory))
            nginx.wait_until(lambda: answers(port), "nginx answers")
            yield House(Servers(servers), self.door(port, pages), str(bus), own)


def configuration(directory: Path, port: int, ports: list[int]) -> Path:
    path = directory / "nginx.conf"
    servers = "\n        ".join(f"server 127.0.0.1:{one} max_fails=0;" for one in ports)
    user = "user root;" if os.geteuid() == 0 else ""
    template = CONFIGURATION.read_text()
    path.write_text(template.format(directory=directory, port=port, servers=servers, user=user))
    return path
