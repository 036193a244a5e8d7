"""The proxies' files of docs/deploy, as they are but for ports and paths, in front of two real servers.

What a browser gets through them is what the server says: pages, static files, uploads, sockets, and no error while one
server after the other is restarted.
"""

import http.client
import http.server
import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.test import Client

from config.tests.raw import Socket, handshake
from config.tests.site import eventually, free_port
from notifications.delivery import notify
from notifications.live import codes
from notifications.testing.dom import Document
from notifications.tests import children
from notifications.tests.faults.house import MANAGE, Part, Server

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("proxies")]

DEPLOY = settings.BASE_DIR / "docs" / "deploy"
NAME = "belfry.example.com"
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


class Proxy(Part):
    """One of the two, started with its file after these changes: each of them must find what it changes."""

    def __init__(self, directory: Path, ports: list[int]) -> None:
        self.directory = directory
        self.plain, self.port = free_port(), free_port()
        self.file = directory / self.source
        text = (DEPLOY / self.source).read_text()
        for was, by in [
            *self.changes(),
            *zip(("127.0.0.1:8001", "127.0.0.1:8002"), self.addresses(ports), strict=True),
        ]:
            assert re.search(was, text, re.MULTILINE), f"{was} is not in {self.source}"
            text = re.sub(was, by, text, flags=re.MULTILINE)
        self.file.write_text(text)
        super().__init__(self.source, self.run(), dict(os.environ), directory)

    def addresses(self, ports: list[int]) -> list[str]:
        return [f"127.0.0.1:{port}" for port in ports]

    def start(self) -> None:
        super().start()
        eventually(self.takes_connections, f"{self.source} listens", 20)

    def takes_connections(self) -> bool:
        assert self.is_running, self.said
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Nginx(Proxy):
    source = "nginx.conf"
    program = shutil.which("nginx", path=PATH)

    def changes(self) -> list[tuple[str, str]]:
        own = "".join(f"{kind}_temp_path {self.directory}/{kind};" for kind in ("fastcgi", "uwsgi", "scgi", "proxy"))
        return [
            (r"^user www-data;", "user root;" if os.geteuid() == 0 else ""),
            (r"/run/nginx\.pid", f"{self.directory}/nginx.pid"),
            (r"/var/log/nginx", str(self.directory)),
            (r"server_tokens off;", f"server_tokens off; {own} client_body_temp_path {self.directory}/body;"),
            (r"^ *listen \[::\]:.+$", ""),
            (r"listen 80\b", f"listen 127.0.0.1:{self.plain}"),
            (r"listen 443\b", f"listen 127.0.0.1:{self.port}"),
            (r"/etc/ssl/belfry\.pem", f"{self.directory}/belfry.pem"),
            (r"/etc/ssl/private/belfry\.key", f"{self.directory}/belfry.key"),
            (r"/var/lib/belfry/static/", f"{self.directory}/static/"),
        ]

    def run(self) -> list[str]:
        return [str(self.program), "-e", "stderr", "-g", "daemon off;", "-c", str(self.file)]


class HAProxy(Proxy):
    source = "haproxy.cfg"
    program = shutil.which("haproxy", path=PATH)

    def changes(self) -> list[tuple[str, str]]:
        return [
            (r"^ *(user|group) haproxy$", ""),
            (r"maxconn 40000", "maxconn 1000"),
            (r"bind :80$", f"bind 127.0.0.1:{self.plain}"),
            (r"bind :443", f"bind 127.0.0.1:{self.port}"),
            (r"/etc/ssl/belfry-with-key\.pem", f"{self.directory}/belfry-with-key.pem"),
        ]

    def run(self) -> list[str]:
        return [str(self.program), "-db", "-f", str(self.file)]


def certificate(directory: Path) -> ssl.SSLContext:
    """One for the site's name, in the files that the proxies read; what it returns trusts it and nothing else."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "belfry.pem").write_bytes(pem)
    (directory / "belfry.key").write_bytes(secret)
    (directory / "belfry-with-key.pem").write_bytes(pem + secret)
    return ssl.create_default_context(cafile=str(directory / "belfry.pem"))


class Https(http.client.HTTPSConnection):
    def connect(self) -> None:
        self.sock = self._context.wrap_socket(
            socket.create_connection(("127.0.0.1", self.port), 20), server_hostname=NAME
        )


class Visitor:
    """A browser at the proxy's door, with or without a session."""

    def __init__(self, proxy: Proxy, trusting: ssl.SSLContext) -> None:
        self.proxy, self.trusting, self.cookie = proxy, trusting, ""

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str):
        """The answer, with its ``body``."""
        asked = Https(NAME, self.proxy.port, context=self.trusting)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        asked.request(method, path, body, {"Cookie": self.cookie, **named})
        answer = asked.getresponse()
        answer.body = answer.read().decode(errors="replace")
        asked.close()
        return answer

    def open_socket(self) -> "SecureSocket":
        page = self.ask("/inbox/")
        assert page.status == 200
        return SecureSocket(self, Document(page.body).inputs("#resume"))


class SecureSocket(Socket):
    def __init__(self, visitor: Visitor, form: dict[str, str]) -> None:
        plain = socket.create_connection(("127.0.0.1", visitor.proxy.port), 20)
        self.connection = visitor.trusting.wrap_socket(plain, server_hostname=NAME)
        self.stream = self.connection.makefile("rb")
        host = f"{NAME}:{visitor.proxy.port}"
        self.send(handshake(visitor.proxy.port, visitor.cookie, host=host, origin=f"https://{host}"))
        assert self.status() == 101
        self.say(form)


@pytest.fixture(scope="module")
def site(django_db_setup, valkey_server, tmp_path_factory):
    """Two servers as in production, on the test database and bus, and the certificate."""
    directory = tmp_path_factory.mktemp("deployed")
    told = {"VAR_DIR": str(directory), "HTTPS": "1", "ALLOWED_HOSTS": f"{NAME},127.0.0.1"}
    environment = children.environment("config.settings", REDIS_URL=settings.REDIS_URL, **told)
    collect = Part("collect", [*MANAGE, "collectstatic", "--no-input"], environment, directory)
    collect.start()
    assert collect.process.wait(60) == 0, collect.said
    servers = [Server(f"server-{n}", "daphne", environment, directory) for n in (1, 2)]
    try:
        for server in servers:
            server.start()
        yield directory, servers, certificate(directory)
    finally:
        for server in servers:
            server.kill()


@pytest.fixture(scope="module", params=[Nginx, HAProxy], ids=lambda kind: kind.source)
def proxy(request, site):
    directory, servers, _ = site
    if not request.param.program:
        pytest.skip(f"nothing here that reads {request.param.source}")
    made = request.param(directory, [server.port for server in servers])
    made.start()
    yield made
    made.kill()


@pytest.fixture
def visitor(proxy, site, transactional_db):
    return Visitor(proxy, site[2])


@pytest.fixture
def reader(visitor, bo):
    """Bo, signed in."""
    client = Client()
    client.force_login(bo)
    visitor.cookie = f"belfry_session={client.session.session_key}"
    return visitor


def test_a_page_comes_with_everything_that_it_asks_for(reader):
    page = reader.ask("/inbox/")
    assert page.status == 200
    assert "max-age=31536000" in page.headers["Strict-Transport-Security"]
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.body)
    assert len(files) > 5
    for file in files:
        found = reader.ask(file, Accept_Encoding="gzip")
        assert (found.status, found.headers["X-Content-Type-Options"]) == (200, "nosniff"), file
        assert "immutable" in found.headers["Cache-Control"], file
        assert found.headers["Content-Encoding"] == "gzip" or not file.endswith((".css", ".js")), file


def test_whoever_comes_without_tls_is_led_to_it(visitor):
    asked = http.client.HTTPConnection("127.0.0.1", visitor.proxy.plain, timeout=20)
    asked.request("GET", "/inbox/", headers={"Host": NAME})
    answer = asked.getresponse()
    assert (answer.status, answer.headers["Location"]) == (301, f"https://{NAME}/inbox/")


def test_a_notification_comes_through_to_an_open_page(reader, bo):
    with reader.open_socket() as page:
        notify(bo, title="Lunch is ready")
        assert b"Lunch is ready" in page.receive()[1]


def test_a_file_of_recipients_is_not_too_large_for_the_proxy(reader):
    """It may have 5 MiB; nginx itself would stop at one. Without the form's token it is the site that says no."""
    answer = reader.ask("/broadcasts/1/recipients/", "POST", bytes(5 * 1024 * 1024))
    assert (answer.status, answer.headers["X-Frame-Options"]) == (403, "DENY")


def test_the_numbers_are_for_operators(visitor):
    assert visitor.ask("/metrics").status == 404
    assert visitor.ask("/livez").status == 200


def restart(server: Server) -> None:
    """As `systemctl restart` does it, with what the unit waits for."""
    unit = (DEPLOY / "systemd" / "belfry-server@.service").read_text()
    waits = re.findall(r"^ExecStartPost=(.+)$", unit.replace("%i", str(server.port)), re.MULTILINE)
    assert len(waits) == 2
    assert server.stop() == 0
    server.start()
    for command in map(shlex.split, waits):
        if Path(command[0]).exists():  # not everybody has curl
            subprocess.run(command, check=True)


def ask_until(enough: threading.Event, reader: Visitor) -> set[int]:
    """All statuses that there were meanwhile."""
    found = set()
    while not enough.wait(0.05):
        found.add(reader.ask("/inbox/").status)
    return found


def test_a_rolling_restart_costs_no_request_and_tells_every_page_to_come_back(reader, site, bo):
    enough = threading.Event()
    with reader.open_socket() as page, ThreadPoolExecutor() as others:
        asking = others.submit(ask_until, enough, reader)
        try:
            for server in site[1]:
                restart(server)
        finally:
            enough.set()
        assert asking.result() == {200}
        assert page.close_code() == codes.COME_BACK
    with reader.open_socket() as page:
        notify(bo, title="Lunch is ready")
        assert b"Lunch is ready" in page.receive()[1]


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with what the proxy has said of the request."""

    def do_GET(self) -> None:
        said = [self.headers.get_all(name) for name in ("X-Forwarded-For", "X-Forwarded-Proto", "Host")]
        body = repr(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.mark.parametrize("kind", [Nginx, HAProxy], ids=lambda kind: kind.source)
def test_what_a_browser_says_of_its_own_way_is_not_passed_on(kind, tmp_path):
    if not kind.program:
        pytest.skip(f"nothing here that reads {kind.source}")
    trusting = certificate(tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as echo:
        threading.Thread(target=echo.serve_forever, daemon=True).start()
        proxy = kind(tmp_path, [echo.server_port] * 2)
        proxy.start()
        said = Visitor(proxy, trusting).ask("/", X_Forwarded_For="10.9.8.7", X_Forwarded_Proto="http").body
        proxy.kill()
        echo.shutdown()
    assert said == repr([["127.0.0.1"], ["https"], [f"{NAME}:{proxy.port}"]])
