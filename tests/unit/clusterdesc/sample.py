"""A sound description, and the ways to spoil it."""

from __future__ import annotations

import pytest

from kboot_clusterdesc import ClusterDesc, InvalidDescription, load_text

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE9ubHlBbkV4YW1wbGUuUHV0WW91cktleUluSXRzUGxh operator@example.com"

SAMPLE = f"""\
apiVersion: kboot/v1
cluster: {{name: ail, domain: ail.example.com}}
network:
  bootstrapper: 10.10.14.253
  subnet: 10.10.14.0/24
  dhcp: {{mode: serve, range: [10.10.14.1, 10.10.14.127], lease: 24h}}
  routers: [10.10.14.254]
os: {{family: flatcar, channel: stable, version: current}}
kubernetes: {{version: v1.36.2}}
ssh_authorized_keys: ["{KEY}"]
nodes:
  - {{mac: "00:25:90:c0:f7:80", name: node1, ip: 10.10.14.201, roles: [control-plane, etcd]}}
  - {{mac: "00:25:90:c0:f6:ee", roles: [worker]}}
"""

# It with a bond and a VLAN for all nodes, and a second card at each.
LINKED = f"""\
apiVersion: kboot/v1
cluster: {{name: ail, domain: ail.example.com}}
network:
  bootstrapper: 10.10.14.253
  subnet: 10.10.14.0/24
  dhcp: {{mode: serve, range: [10.10.14.1, 10.10.14.127], lease: 24h}}
  routers: [10.10.14.254]
  links:
    bonds: [{{name: bond0, members: [boot, second], mode: 802.3ad, lacp_rate: fast, hash_policy: layer3+4}}]
    vlans: [{{name: storage, id: 40, link: bond0, mtu: 1500}}]
    mtu: 9000
os: {{family: flatcar, channel: stable, version: current}}
kubernetes: {{version: v1.36.2}}
ssh_authorized_keys: ["{KEY}"]
nodes:
  - mac: "00:25:90:c0:f7:80"
    name: node1
    ip: 10.10.14.201
    roles: [control-plane, etcd]
    cards: {{second: "00:25:90:c0:f7:81"}}
    addresses: {{storage: 10.10.40.201/24}}
  - {{mac: "00:25:90:c0:f6:ee", roles: [worker], cards: {{second: "00:25:90:c0:f6:ef"}}}}
"""


def spoilt(*changes: tuple[str, str]) -> str:
    """The sample with each first text replaced by the second."""
    text = SAMPLE
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the sample"
        text = text.replace(old, new)
    return text


def with_block(key: str, block: str) -> str:
    """The sample with the whole of a top-level key replaced by `block`, or with `block` added."""
    lines: list[str] = []
    inside = False
    for line in SAMPLE.splitlines(keepends=True):
        if not line.startswith((" ", "-")):
            inside = line.startswith(f"{key}:")
        if not inside:
            lines.append(line)
    return "".join(lines) + block


def nodes(*roles: str) -> str:
    """The sample with one node for each `roles`."""
    lines = [f'  - {{mac: "02:00:00:00:00:{i:02x}", roles: [{role}]}}\n' for i, role in enumerate(roles, 1)]
    return with_block("nodes", "nodes:\n" + "".join(lines))


def os(fields: str) -> str:
    """The sample with these fields of `os`."""
    return with_block("os", f"os: {{{fields}}}\n")


def kubernetes(fields: str) -> str:
    """The sample with these fields of `kubernetes`."""
    return with_block("kubernetes", f"kubernetes: {{{fields}}}\n")


def place(text: str, found: str) -> str:
    """The place of the first `found` in `text`, as problems show it."""
    above = text[: text.index(found)]
    return f"rack.yaml:{above.count(chr(10)) + 1}:{len(above) - above.rfind(chr(10))}"


def accepted(text: str) -> ClusterDesc:
    """The description; a refusal fails the test with its text."""
    return load_text(text, "rack.yaml")


def refusal(text: str) -> str:
    """What is said against a description, as an operator reads it."""
    with pytest.raises(InvalidDescription) as refused:
        load_text(text, "rack.yaml")
    for problem in refused.value.problems:
        assert problem.hint, f"no way out is named: {problem}"
        assert problem.place.line >= 1
        assert problem.place.column >= 1
    return str(refused.value)


def refused_keys(text: str) -> list[str]:
    """The keys that are refused, in the order of the file."""
    with pytest.raises(InvalidDescription) as refused:
        load_text(text, "rack.yaml")
    return [problem.key for problem in refused.value.problems]
