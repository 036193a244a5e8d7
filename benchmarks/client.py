"""The load client: compiled from `load/wsload.c` where it is run, and proven against a server that does little else."""

import subprocess
from pathlib import Path

from .ci import ensure_gcc
from .contenders import Door
from .machine import ROOT
from .processes import Process
from .table import Table

LOAD = ROOT / "benchmarks" / "load"


def compiled(name: str, directory: Path) -> str:
    """The program of this name, made in that directory when it is not there."""
    program = directory / name
    if not program.exists():
        ensure_gcc()
        command = ["gcc", "-O2", "-Wall", "-Werror", "-o", str(program), str(LOAD / f"{name}.c")]
        subprocess.run(command, check=True)
    return str(program)


class Client(Process):
    """So many sockets at one door."""

    def __init__(
        self, programs: Path, directory: Path, door: Door, sockets: int, table: Table, come_back: bool = False
    ) -> None:
        options = {"port": door.port, "sockets": sockets, "table": table.path, "at-once": door.at_once}
        options |= {"path": door.path, "before": door.before, "live": door.live, "cookie": door.cookie}
        options |= {"hello": door.hello} if door.hello else {}
        options |= {"pages": door.pages} if door.pages else {}
        command = [compiled("wsload", programs)]
        command += [word for name, value in options.items() for word in (f"--{name}", str(value))]
        super().__init__("client", command + ["--come-back"] * come_back, directory)
        self.sockets, self.table = sockets, table

    def start(self, **how: object) -> "Client":
        super().start(**how)
        return self

    def kill(self) -> None:
        super().kill()
        self.table.header.live = self.table.header.open = 0

    def is_live(self) -> bool:
        header = self.table.header
        if header.failed and "--come-back" not in self.command:
            raise RuntimeError(f"{header.failed} sockets were refused.")
        return header.live == self.sockets
