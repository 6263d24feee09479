"""The servers that are measured: the product's real process of a tree, and nginx beside it."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import ssl
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path

from kboot.host.waiting import looks

from .network import Network
from .processes import pss_bytes, with_children
from .rack import Tree

NGINX = "nginx"
_NGINX_PORTS = (8080, 8443)
_NGINX_CONF = """daemon off; master_process on; worker_processes 1; user root; pid {work}/pid;
error_log {work}/error.log; worker_rlimit_nofile 65536;
events {{ worker_connections 16384; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; default_type application/octet-stream;
  client_body_temp_path {work}/t1; proxy_temp_path {work}/t2; fastcgi_temp_path {work}/t3;
  uwsgi_temp_path {work}/t4; scgi_temp_path {work}/t5;
  server {{
    listen {address}:{http} backlog=4096; listen {address}:{https} ssl backlog=4096;
    ssl_certificate {tls}/server.pem; ssl_certificate_key {tls}/server.key; ssl_session_cache off;
    root {work}/www;
    location /v1/ {{ return 204; }}
    error_page 405 =200 $uri;
  }}
}}
"""


class Server(ABC):
    """A server process at an address among the servers; ports are plain HTTP and TLS."""

    def __init__(self, name: str, network: Network, address: IPv4Address, ports: tuple[int, int]) -> None:
        self.name, self.address, self.ports = name, address, ports
        self._network = network
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process, with which its children are counted."""
        if self.process is None:
            raise SystemExit(f"{self.name} does not run")
        return self.process.pid

    def url(self, path: str, *, tls: bool = False) -> str:
        """Return the URL of a path."""
        return f"{'https' if tls else 'http'}://{self.address}:{self.ports[tls]}{path}"

    def get(
        self, path: str, *, method: str = "GET", source: IPv4Address | None = None, body: str = "", **headers: str
    ) -> bytes:
        """Return the body of an answer over plain HTTP; anything but 200 is an error."""
        own = (str(source), 0) if source else None
        connection = http.client.HTTPConnection(str(self.address), self.ports[0], timeout=60, source_address=own)
        return self._body(connection, method, path, headers, body)

    def get_tls(self, path: str, token: str) -> bytes:
        """Return the body of an answer over TLS, whose certificate is not looked at."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(str(self.address), self.ports[1], timeout=60, context=context)
        return self._body(connection, "GET", path, {"Authorization": f"Bearer {token}"})

    def _body(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        headers: dict[str, str],
        given: str = "",
    ) -> bytes:
        try:
            connection.request(method, path, given or None, headers)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise SystemExit(f"{self.name}: {path}: {answer.status} {body[:200]!r}")
        return body

    def memory_bytes(self) -> int:
        """Return the memory of its processes."""
        return pss_bytes(with_children([self.pid]))

    @abstractmethod
    def start(self) -> None:
        """Start it, and return once it answers."""

    def rest(self) -> None:
        """Stop its processes where they are, so that it takes nothing while others are measured."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.wake()
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                self.process.wait()
            self.process = None

    def _signal(self, number: signal.Signals) -> None:
        for pid in with_children([self.pid]):
            os.kill(pid, number)

    def _start(self, command: Sequence[str], environment: dict[str, str], log: Path, path: str) -> None:
        with log.open("ab") as out:
            full = self._network.in_servers(*command)
            self.process = subprocess.Popen(full, env=environment, stdout=out, stderr=out)
        for _ in looks(120, 0.05):
            if self.process.poll() is not None:
                break
            try:
                self.get(path)
            except (OSError, SystemExit):  # it refuses connections, or says that it is not ready yet
                continue
            return
        raise SystemExit(f"{self.name} does not come up:\n{log.read_text()[-2000:]}")


class Product(Server):
    """The cloud-config server of a tree, over a folder that the tree rendered."""

    def __init__(self, tree: Tree, network: Network, address: IPv4Address, folder: Path) -> None:
        super().__init__(tree.name, network, address, (80, 443))
        self.tree, self.folder = tree, folder

    def start(self) -> None:
        """Start it as its container does, with all its files in one folder; returns once it is ready."""
        loaders = self.folder.with_suffix(".loaders")
        loaders.mkdir(exist_ok=True)
        for name in ("disk.efi", "disk.pxe", "snponly.efi", "ipxe.efi"):
            (loaders / name).write_bytes(b"MZ" + name.encode() * 10_000)
        environment = self.tree.environment() | {
            "KBOOT_BIND": str(self.address),
            "KBOOT_CONFIG_DIR": str(self.folder / "config"),
            "KBOOT_DATA_DIR": str(self.folder),
            "KBOOT_TLS_DIR": str(self.folder / "tls" / "cloudconfig"),
            "KBOOT_DISK_LOADER": str(loaders / "disk.efi"),
            "KBOOT_UID": str(os.getuid()),
            "KBOOT_STATE_IS_MARKED": "1",
            "PYTHONUNBUFFERED": "1",
        }
        log = self.folder.with_suffix(".log")
        self._start([self.tree.python, "-m", "kboot_cloudconfig"], environment, log, "/readyz")


class Nginx(Server):
    """nginx of the distribution with one worker, sendfile and no access log, over a folder of files."""

    def __init__(self, network: Network, address: IPv4Address, work: Path, tls: Path) -> None:
        super().__init__(NGINX, network, address, _NGINX_PORTS)
        self.work, self._tls = work, tls
        shutil.rmtree(work, ignore_errors=True)  # of a part before
        (work / "www").mkdir(parents=True)

    def put(self, path: str, content: bytes) -> None:
        """Have it serve `content` at a path."""
        target = self.work / "www" / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def link(self, path: str, file: Path) -> None:
        """Have it serve a file at a path."""
        target = self.work / "www" / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(file, target)

    def start(self) -> None:
        """Start it, and return once it answers."""
        self.put("/up", b"up\n")
        http, https = self.ports
        conf = self.work / "nginx.conf"
        conf.write_text(_NGINX_CONF.format(work=self.work, address=self.address, http=http, https=https, tls=self._tls))
        command = ["nginx", "-p", str(self.work), "-e", str(self.work / "error.log"), "-c", str(conf)]
        self._start(command, dict(os.environ), self.work / "log", "/up")


def missing_programs(*names: str) -> list[str]:
    """Return which of these programs are not on the PATH."""
    return [name for name in names if shutil.which(name) is None]
