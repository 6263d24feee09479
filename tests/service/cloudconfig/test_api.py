"""docs/reference/openapi.json against a real server: schemathesis asks for every route by it, well and badly."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot_clusterdesc.shared_files import REPORT_TOKEN
from support.places import ROOT

from .conftest import HOME, NODE1, NODE2, OPERATOR, RELEASE, Server

_PAGE = ROOT / "docs" / "reference" / "openapi.json"
_CONFIG = Path(__file__).with_name("schemathesis.toml")
_PROGRAM = Path(sys.executable).with_name("schemathesis")
_OPERATIONS = sum(len(operations) for operations in json.loads(_PAGE.read_text())["paths"].values())
_SECRETS = "^/(ignition|cloud-configs|certs)/"  # one token opens them, which any other install.sh makes void


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with something of all that it serves; the first machine has the address that requests come from."""
    made = Server(tmp_path_factory.mktemp("asked"), "ignition")
    homes = {NODE1: OPERATOR, NODE2: HOME[NODE2]}
    leases = [f"{int(time.time()) + 3600} {mac} {home} * ff:00:00:00:01\n" for mac, home in homes.items()]
    (made.folder.leases / "dnsmasq.leases").write_text("".join(leases))
    for name in ("disk.pxe", "snponly.efi"):
        made.loader.with_name(name).write_bytes(b"a loader")
    (made.folder.assets / "kubelet").write_bytes(b"a binary" * 5000)
    made.start()
    made.wait_phase(NODE1, "leased")
    yield made
    made.stop()


def _ask(server: Server, url: str, folder: Path, *options: str) -> str:
    """What schemathesis prints when it finds nothing; what it found is the message where it does."""
    script = re.search(r'"/page/([^"]+\.js)"', server.get("/").text)
    install_token = re.search(r"^KBOOT_TOKEN=(.+)$", server.get(f"/install.sh?mac={NODE1.dashed}").text, re.MULTILINE)
    assert script
    assert install_token
    authority = folder / "ca.pem"
    authority.write_bytes(server.secrets.authority.certificate)
    environment = {
        "AUTHORITY": str(authority),
        "INSTALL_TOKEN": install_token[1].strip("'"),
        "OPERATOR_TOKEN": server.secrets.operator_token,
        "RELEASE": RELEASE,
        "REPORT_TOKEN": (server.folder.nodes / NODE2.dashed / REPORT_TOKEN).read_text().strip(),
        "SCRIPT": script[1],
    }
    command = [str(_PROGRAM), "--no-color", f"--config-file={_CONFIG}", "run", str(_PAGE), f"--url={url}"]
    done = subprocess.run(
        [*command, "--continue-on-failure", *options],
        cwd=folder,  # it keeps what it tried
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    faults = [line for line in server.log.read_text().splitlines() if '"event": "fault"' in line]
    assert faults == []
    return done.stdout


def test_a_machine_that_installs_is_answered_as_the_page_tells(asked: Server, tmp_path: Path) -> None:
    said = _ask(asked, f"https://127.0.0.1:{asked.ports[1]}", tmp_path, f"--include-path-regex={_SECRETS}")
    assert "Tested: 3\n" in said


def test_who_has_a_token_is_answered_as_the_page_tells_on_every_other_route(asked: Server, tmp_path: Path) -> None:
    said = _ask(asked, f"https://127.0.0.1:{asked.ports[1]}", tmp_path, f"--exclude-path-regex={_SECRETS}")
    assert f"Tested: {_OPERATIONS - 3}\n" in said


def test_anyone_is_answered_as_the_page_tells_over_plain_http(asked: Server, tmp_path: Path) -> None:
    said = _ask(asked, f"http://127.0.0.1:{asked.ports[0]}", tmp_path, "--include-tag=anyone")
    assert "Tested: " in said
    assert asked.get("/readyz").status_code == 200
