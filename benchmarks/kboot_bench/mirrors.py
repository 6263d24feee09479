"""The part of mirrors: how fast the updater brings in a release and verifies it, beside curl and gpgv by hand.

All take the same release from the same server on loopback, in turns, and write it to the same disk. The start of the
updater's process is in its time.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from service.updater.release_server import NAMES, ReleaseServer
from service.updater.signing import SigningKey

from .figures import Part, figure_of
from .rack import RELEASE, Tree
from .servers import missing_programs
from .session import Session, say

_BY_HAND = "curl and gpgv"
_DESCRIPTION = """\
apiVersion: kboot/v1
cluster: {{name: ail, domain: ail.example.com}}
network: {{bootstrapper: 10.10.14.253, subnet: 10.10.14.0/24, dhcp: {{mode: "off"}}}}
os: {os}
"""


class _Files(SimpleHTTPRequestHandler):
    """A folder's files, sent by the kernel, so that the server takes little from either side."""

    protocol_version = "HTTP/1.1"

    def copyfile(self, source: object, outputfile: object) -> None:
        """Send an open file."""
        self.connection.sendfile(source)

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""


def mirrors(session: Session) -> Part:
    """Measure each tree's updater."""
    if missing := missing_programs("curl", "gpg", "gpgv"):
        raise SystemExit(f"missing: run as root: apt-get install {' '.join(missing)}")
    wall: list[dict[str, float]] = []
    cpu: list[dict[str, float]] = []
    key = SigningKey("release")
    with tempfile.TemporaryDirectory(prefix="mirror-", dir=session.folder) as name:
        folder, public = Path(name), key.public()
        release = publish(folder / "upstream", key, session.image_mb)
        key.close()
        keyring = folder / "key.gpg"
        subprocess.run(["gpg", "--dearmor", "-o", keyring], input=public, check=True)
        with served(folder / "upstream") as url:
            ways: dict[str, Callable[[Path], None]] = {
                _BY_HAND: partial(mirror_by_hand, f"{url}/{release.relative_to(folder / 'upstream')}", keyring)
            }
            for tree in session.trees:
                ways[tree.name] = partial(mirror_by_updater, tree, f"{url}/{{channel}}/{{board}}", public)
            for number in range(session.rounds):
                say(f"  round {number + 1}")
                found = {way: spent_by(mirror, folder / "mirror") for way, mirror in ways.items()}
                wall.append({way: seconds for way, (seconds, _) in found.items()})
                cpu.append({way: seconds for way, (_, seconds) in found.items()})
    figures = (
        figure_of(f"{session.image_mb} MB mirrored and verified", "s", wall, base=_BY_HAND, wanted="<= 1.0"),
        figure_of("its CPU", "s", cpu, base=_BY_HAND),
    )
    method = "A release from a server on loopback; less is faster. By hand each file is verified after its download."
    return Part("mirrors", "A release mirrored", method, figures)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder's files from a process of its own, and yield the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(folder)))
    process = multiprocessing.Process(target=server.serve_forever)
    process.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        process.terminate()
        process.join()
        server.server_close()


def spent_by(mirror: Callable[[Path], None], target: Path) -> tuple[float, float]:
    """Have `mirror` fill `target`, which is removed again; return its seconds, and those of processors."""
    os.sync()  # what the round before wrote is not written in this one's time
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    mirror(target)
    wall_s, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree(target)
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def mirror_by_hand(url: str, keyring: Path, target: Path) -> None:
    """Download each file of the release and its signature with curl, then verify it with gpgv."""
    target.mkdir()
    for name in NAMES.release_files:
        for part in (name, f"{name}.sig"):
            subprocess.run(["curl", "-sSf", "-o", str(target / part), f"{url}/{part}"], check=True)
        command = ["gpgv", "--keyring", str(keyring), "--", str(target / f"{name}.sig"), str(target / name)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def mirror_by_updater(tree: Tree, url: str, key: bytes, site: Path) -> None:
    """Run the command of the updater's container."""
    folders = {f"KBOOT_{name.upper()}_DIR": str(site / name) for name in ("config", "images", "run")}
    for folder in folders.values():
        Path(folder).mkdir(parents=True)
    os_part = json.dumps({"release_url": url, "version": RELEASE})
    (site / "config/clusterdesc.yaml").write_text(_DESCRIPTION.format(os=os_part))
    (site / "config/release-key.asc").write_bytes(key)
    command = [tree.python, "-m", "kboot_updater", "check"]
    done = subprocess.run(command, env=tree.environment() | folders, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{tree.name}: {done.stderr[-1000:]}")


def publish(folder: Path, key: SigningKey, size_mb: int) -> Path:
    """Write a signed release whose image has `size_mb` into `folder`, and return the release's folder."""
    release = ReleaseServer(folder).release(RELEASE, key, size=1 << 20)
    with (release / NAMES.image).open("wb") as stream:
        for _ in range(size_mb):
            stream.write(os.urandom(1 << 20))
    key.sign(release / NAMES.image)
    return release
