"""What Ignition says of the node configs that an operator's fragment is merged into."""

from __future__ import annotations

import json
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kboot.node import NodeConfig, Unit, ignition, read_document, read_extra
from kboot.node.unit_text import fault_of_unit
from kboot_clusterdesc import load
from support.places import GOLDEN_RENDERS
from support.rendering import rendered_files

_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE5mO0kbaBjVgPb4vLO8NVCPyqpuhP3N1u5bPvF2C2eR a"


def verdict(config: bytes) -> tuple[int, str]:
    done = subprocess.run(["ignition-validate", "-"], input=config, capture_output=True, text=False)
    return done.returncode, (done.stdout + done.stderr).decode()


@pytest.mark.parametrize(
    "text",
    [
        f"users: [{{name: core, groups: [docker], ssh_authorized_keys: ['{_KEY}']}}, {{name: root}}]",
        "files: [{path: /etc/systemd/system/kubelet.service, content: '[Unit]'}, {path: /etc/flatcar/update.conf}]",
        "units: [{name: kubelet.service, drop_ins: [{name: 90-a.conf, content: '[Service]'}]}]",
        "units: [{name: update-engine.service, enabled: false}, {name: a@b.service}]",
        'files: [{path: "/etc/\u00fc b"}, {path: /etc/hosts}, {path: /opt/bin/a.sh, mode: "755"}]',
    ],
)
def test_ignition_takes_every_node_with_a_fragment_that_is_taken(text: str) -> None:
    desc = load(GOLDEN_RENDERS / "rack" / "cluster.yaml")
    files = rendered_files(desc, folder=GOLDEN_RENDERS / "rack")
    extra = read_extra(text.encode(), "extra.yaml")
    for node in desc.nodes:
        document = files[f"nodes/{node.mac.dashed}/node-config.json"].content
        merged = ignition(read_document(document).merged(extra))
        assert verdict(merged) == (0, "")
        users = [user["name"] for user in json.loads(merged)["passwd"]["users"]]
        assert users.count("core") == 1


_ODD = ["", " ", "\t", "\\", "\r", "A=b\r", "A=b\\\r", "[Unit]\r", "A=\u00fc", f"A={'b' * 1990}", "[]", "=", "a[b]=c"]
_USUAL = [
    "[Unit]",
    "[Unit",
    "[Unit] x",
    "[a]b]",
    "A=b",
    "A=b\\",
    " A = b \\",
    "A=",
    "=b",
    "foo",
    "foo\\",
    "# c",
    "; c\\",
]
_LINES = st.sampled_from((*_USUAL, *_ODD))


@settings(max_examples=300, deadline=None)
@given(st.lists(_LINES, max_size=6).map("\n".join))
def test_a_unit_that_is_taken_is_one_that_ignition_takes(text: str) -> None:
    if fault_of_unit(text) is None:
        code, said = verdict(ignition(NodeConfig("node1", units=(Unit("a.service", text, enabled=False),))))
        assert (code, said) == (0, "")
