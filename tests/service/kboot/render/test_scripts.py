"""What bash and shellcheck say of the rendered scripts."""

from __future__ import annotations

import subprocess
from base64 import b64decode
from pathlib import Path

import pytest
import yaml

from kboot_clusterdesc import ClusterDesc, load_text
from support.rendering import rendered_files
from unit.clusterdesc.sample import SAMPLE

KEY = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nYSBrZXk=\n-----END PGP PUBLIC KEY BLOCK-----\n"


def description(family: str) -> ClusterDesc:
    dialect = "cloud-config" if family == "coreos" else "ignition"
    return load_text(SAMPLE.replace("family: flatcar", f"family: {family}, config: {dialect}"), "rack.yaml")


def node_file(desc: ClusterDesc, path: str) -> bytes:
    """A file of the first node, as its cloud-config carries it."""
    document = rendered_files(desc)[f"nodes/{desc.nodes[0].mac.dashed}/cloud-config.yaml"].content
    (entry,) = [each for each in yaml.safe_load(document)["write_files"] if each["path"] == path]
    return b64decode(entry["content"])


def run(*command: str, text: bytes) -> str:
    """What the command says of `text` on its standard input; it must succeed."""
    done = subprocess.run(command, input=text, capture_output=True)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout.decode()


@pytest.mark.parametrize("release_key", [None, KEY], ids=["public key", "own key"])
@pytest.mark.parametrize("family", ["flatcar", "coreos"])
def test_install_sh_is_a_sound_script(family: str, release_key: bytes | None) -> None:
    script = rendered_files(description(family), release_key=release_key)["config/install.sh"].content
    run("bash", "-n", text=script)
    run("shellcheck", "--shell=bash", "-", text=script)


def test_install_sh_has_one_place_for_the_machine() -> None:
    script = rendered_files(description("flatcar"))["config/install.sh"].content
    assert script.splitlines().count(b"# kboot:machine") == 1
    assert script.count(b"kboot:machine") == 1


def test_the_report_of_a_node_is_a_sound_script() -> None:
    script = node_file(description("flatcar"), "/opt/bin/kboot-report")
    run("bash", "-n", text=script)
    run("shellcheck", "--shell=bash", "-", text=script)


def test_a_shell_reads_the_facts_of_a_node(tmp_path: Path) -> None:
    facts = node_file(description("flatcar"), "/etc/kboot/node.env")
    (tmp_path / "node.env").write_bytes(facts)
    told = run("bash", "-uc", f'. {tmp_path}/node.env; echo "$KBOOT_NAME|$KBOOT_MAC|$KBOOT_ROLES"', text=b"")
    assert told == "node1|00:25:90:c0:f7:80|control-plane etcd\n"
