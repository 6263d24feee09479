"""Measure how fast machines are answered (boot scripts, install.sh, node configs, reports), against nginx.

Run it where nginx and wrk are installed. The cloud-config server is the real process with both ports and its database;
nginx hands out the same bytes as files, with one worker. They are asked in turns on loopback, over kept connections;
each result is a ratio, since machines are noisy. Besides: what the lists of all nodes cost, and a second of doing
nothing.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

import httpx

from kboot.host.waiting import looks
from kboot.pki.key_pair import Subject
from kboot.pki.lifetimes import SERVER_LIFE
from kboot.pki.store.cluster_secrets import load_or_create
from kboot.pki.store.issue import issue
from kboot_clusterdesc import Mac, load_text
from kboot_clusterdesc.layout import STATE_MARK, ClusterFolder
from support.ports import free_port

_HEAD = """
apiVersion: kboot/v1
cluster: {name: bench, domain: bench.example.com}
network:
  bootstrapper: 10.10.255.253
  subnet: 10.10.0.0/16
  dhcp: {mode: serve, range: [10.10.0.1, 10.10.250.250]}
os: {channel: stable, update: {enabled: false}}
nodes:
"""
_CONFIG_BYTES = 21_000  # of the node config of a worker with Kubernetes
_CONNECTIONS = 32

# What wrk sends as a report: one word of progress after the other, each a change to keep.
_REPORTS = """
local done = 0
wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer TOKEN"
request = function()
  done = done + 1
  local body = string.format('{"phase":"installing","bytes":%d,"total":4000000000}', done + math.random(1000000000))
  return wrk.format(nil, nil, nil, body)
end
"""


def _mac(number: int) -> Mac:
    return Mac(f"52:54:00:01:{number >> 8:02x}:{number & 255:02x}")


@dataclass(frozen=True, slots=True)
class Rate:
    """What one run of wrk found; times are of one request."""

    per_s: float
    p99_ms: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Process:
    """One of the two servers."""

    pid: int
    plain: int
    tls: int

    def cpu_s(self) -> float:
        """Return the processor time that it took so far, its threads' included."""
        threads = Path(f"/proc/{self.pid}/task").glob("*/schedstat")  # its first number: nanoseconds that it ran
        return sum(int(each.read_text().split()[0]) for each in threads) / 1e9


def rate(process: Process, url: str, seconds: int, script: Path | None = None) -> Rate:
    """Have wrk ask for `url` for so many seconds."""
    named = ["-s", str(script)] if script else []
    command = ["wrk", "-t1", f"-c{_CONNECTIONS}", f"-d{seconds}s", "--latency", *named, url]
    before = process.cpu_s()
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    cpu_s = process.cpu_s() - before
    if "Non-2xx" in said:
        raise SystemExit(f"{url}: {said}")
    asked = int(re.search(r"(\d+) requests in", said)[1])  # type: ignore[index]
    if not asked:
        raise SystemExit(f"{url}: nothing was answered within {seconds} s")
    late = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    p99_ms = float(late[1]) * {"us": 0.001, "ms": 1, "s": 1000}[late[2]] if late else 0
    return Rate(asked / seconds, p99_ms, cpu_s / asked * 1e6)


def make_cluster(root: Path, nodes: int) -> tuple[ClusterFolder, bytes]:
    """Make the folder of a rack whose first machine is this one, and return it with the certificate of its CA."""
    folder = ClusterFolder(root, "bench")
    for place in (folder.config, folder.leases, folder.state, folder.tls / "cloudconfig"):
        place.mkdir(parents=True)
    (folder.state / STATE_MARK).touch()
    lines = (f'  - {{mac: "{_mac(each)}", name: node{each}, roles: [worker]}}\n' for each in range(nodes))
    text = _HEAD + "".join(lines)
    (folder.config / "clusterdesc.yaml").write_text(text)
    head = load_text(_HEAD + f'  - {{mac: "{_mac(0)}", name: node0, roles: [worker]}}\n', "bench.yaml")
    secrets = load_or_create(folder, head, datetime.now(UTC))
    subject = Subject("cloudconfig", server=True, names=("localhost",), addresses=(IPv4Address("127.0.0.1"),))
    pair = issue(secrets.authority, subject, datetime.now(UTC), SERVER_LIFE)
    (folder.tls / "cloudconfig" / "server.pem").write_bytes(pair.certificate)
    (folder.tls / "cloudconfig" / "server.key").write_bytes(pair.key)
    (folder.config / "install.sh").write_text("#!/bin/sh\n# kboot:machine\n" + "# what is common to all\n" * 280)
    for each in range(nodes):
        own = folder.path / "nodes" / _mac(each).dashed
        own.mkdir(parents=True)
        (own / "ignition.json").write_bytes(b"x" * _CONFIG_BYTES)
        (own / "config-hash").write_text("0" * 64)
        (own / "report-token").write_text(f"token{each}")
    release = folder.images / "stable" / "1.0.0"
    release.mkdir(parents=True)
    for name in ("pxe.vmlinuz", "pxe_image.cpio.gz", "image.bin.bz2"):
        (release / f"flatcar_production_{name}").write_bytes(b"x")
    (release.parent / "current").symlink_to("1.0.0")
    later = int(time.time()) + 36000
    leases = (f"{later} {_mac(each)} 10.10.{1 + (each >> 8)}.{each & 255} * *\n" for each in range(1, nodes))
    (folder.leases / "dnsmasq.leases").write_text(f"{later} {_mac(0)} 127.0.0.1 * *\n" + "".join(leases))
    return folder, secrets.authority.certificate


@contextmanager
def cloudconfig(folder: ClusterFolder) -> Iterator[Process]:
    """Run the cloud-config server as the container does."""
    plain, tls = free_port(), free_port()
    environ = os.environ | {
        "KBOOT_CONFIG_DIR": str(folder.config),
        "KBOOT_DATA_DIR": str(folder.path),
        "KBOOT_TLS_DIR": str(folder.tls / "cloudconfig"),
        "KBOOT_HTTP_PORT": str(plain),
        "KBOOT_HTTPS_PORT": str(tls),
        "KBOOT_UID": str(os.getuid()),
        "KBOOT_STATE_IS_MARKED": "1",
        "KBOOT_PRESENCE_EVERY_S": "3600",
    }
    with (folder.path / "log").open("ab") as log:
        server = subprocess.Popen([sys.executable, "-m", "kboot_cloudconfig"], env=environ, stdout=log, stderr=log)
    try:
        for _ in looks(600, 0.5):
            with suppress(httpx.HTTPError):
                fetch(f"http://127.0.0.1:{plain}/readyz")
                break
            if server.poll() is not None:
                raise SystemExit((folder.path / "log").read_text())
        yield Process(server.pid, plain, tls)
    finally:
        server.terminate()
        server.wait()


@contextmanager
def nginx(root: Path, tls: Path) -> Iterator[Process]:
    """Run nginx with one worker over the folder `files` below `root`."""
    plain, secure = free_port(), free_port()
    (root / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {root}/nginx.pid; error_log {root}/nginx.log; user root;\n"
        "events { worker_connections 512; }\n"
        "http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;\n"
        f" server {{ listen 127.0.0.1:{plain}; listen 127.0.0.1:{secure} ssl; root {root}/files;\n"
        f"  ssl_certificate {tls}/server.pem; ssl_certificate_key {tls}/server.key;\n"
        "  location /report { return 204; } } }\n"
    )
    server = subprocess.Popen(["nginx", "-c", f"{root}/nginx.conf"], stderr=subprocess.DEVNULL)
    try:
        for _ in looks(30, 0.1):
            children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
            if children:
                break
        yield Process(int(children[0]), plain, secure)
    finally:
        server.terminate()
        server.wait()


def fetch(url: str, authority: bytes | None = None) -> bytes:
    """GET one answer."""
    context = ssl.create_default_context(cadata=authority.decode()) if authority else False
    with httpx.Client(verify=context, trust_env=False, timeout=60) as client:
        return client.get(url).raise_for_status().content


def compare(
    name: str,
    ours: tuple[Process, str],
    other: tuple[Process, str],
    plan: argparse.Namespace,
    script: Path | None = None,
) -> None:
    """Ask both in turns, and print one line."""
    pairs = [(rate(*ours, plan.seconds, script), rate(*other, plan.seconds, script)) for _ in range(plan.rounds)]
    ratios = [one.per_s / two.per_s for one, two in pairs]
    middle = statistics.median(ratios)
    one, two = pairs[ratios.index(sorted(ratios)[len(ratios) // 2])]
    print(
        f"{name:24} {middle:.3f} ({min(ratios):.3f} to {max(ratios):.3f})   {one.per_s:8.0f} / {two.per_s:8.0f} per s"
        f"   CPU {one.cpu_us:5.0f} / {two.cpu_us:3.0f} us   p99 {one.p99_ms:.1f} / {two.p99_ms:.1f} ms",
        flush=True,
    )


def measure(root: Path, plan: argparse.Namespace) -> None:
    """Run both servers, and print every figure."""
    folder, authority = make_cluster(root, plan.nodes)
    mac = _mac(0).dashed
    with cloudconfig(folder) as ours, nginx(root, folder.tls / "cloudconfig") as other:
        base, secure = f"http://127.0.0.1:{ours.plain}", f"https://127.0.0.1:{ours.tls}"
        static, static_tls = f"http://127.0.0.1:{other.plain}", f"https://127.0.0.1:{other.tls}"
        boot, script = f"/boot/{mac}.ipxe", f"/install.sh?mac={mac}"
        files = root / "files"
        files.mkdir()
        (files / "boot").write_bytes(fetch(base + boot))
        (files / "install").write_bytes(fetch(base + script))
        (files / "config").write_bytes(b"x" * _CONFIG_BYTES)
        compare("boot script", (ours, base + boot), (other, static + "/boot"), plan)
        compare("install.sh with a token", (ours, base + script), (other, static + "/install"), plan)
        token = re.search(rb"^KBOOT_TOKEN=(.*)$", fetch(base + script), re.MULTILINE)[1].decode().strip("'")  # type: ignore[index]
        config = f"{secure}/ignition/{mac}.json?token={token}"
        fetch(config, authority)
        compare("node config over TLS", (ours, config), (other, static_tls + "/config"), plan)
        reports = root / "reports.lua"
        reports.write_text(_REPORTS.replace("TOKEN", token))
        compare(
            "report over TLS",
            (ours, f"{secure}/v1/nodes/{mac}/events"),
            (other, static_tls + "/report"),
            plan,
            script=reports,
        )
        compare("healthz", (ours, base + "/healthz"), (other, static + "/report"), plan)
        for path in ("/v1/nodes", "/", "/metrics"):
            fetch(base + path)
            before, begin = ours.cpu_s(), time.monotonic()
            for _ in range(20):
                content = fetch(base + path)
            took_ms, cpu_ms = (time.monotonic() - begin) * 50, (ours.cpu_s() - before) * 50
            print(f"{path:24} {took_ms:.1f} ms, CPU {cpu_ms:.1f} ms, {len(content)} bytes", flush=True)
        before, begin = ours.cpu_s(), time.monotonic()
        for _ in looks(plan.idle, plan.idle / 2):
            pass
        print(f"idle: {(ours.cpu_s() - before) / (time.monotonic() - begin):.2%} of a core", flush=True)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle", type=float, default=10, metavar="SECONDS")
    plan = parser.parse_args()
    if missing := [name for name in ("nginx", "wrk") if shutil.which(name) is None]:
        raise SystemExit(f"{' and '.join(missing)} not found: install it")
    with tempfile.TemporaryDirectory(prefix="kboot-bench-") as folder:
        print(f"{plan.nodes} nodes, {plan.rounds} rounds of {plan.seconds} s; ours / nginx, more is faster")
        measure(Path(folder), plan)


if __name__ == "__main__":
    main()
