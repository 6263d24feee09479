"""The images that machines and engines have and run, and what the registry says of who pulled them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from support.rack_machines import RackMachine

# etcd's container is in a namespace of its own, pods in that of the CRI. Without its service there is no socket to ask.
_NAMESPACES = ("kboot", "k8s.io")
_ASK = "! systemctl is-active --quiet containerd || sudo ctr --namespace {} {} ls"
# The access log, in the common form: distribution, registry/handlers/app.go
_PULL = re.compile(
    r'^(\S+) - \S+ \[[^]]*\] "GET /v2/(\S+)/manifests/(sha256:[0-9a-f]{64})[? ][^"]*" 200 ', re.MULTILINE
)
_NAME_IS_DIGEST = "sha256:"


@dataclass(frozen=True, slots=True)
class ImagesOnNode:
    """What the container runtime of a machine has: name -> digest of its images, the digests of those that run."""

    present: dict[str, str]
    running: frozenset[str]

    @property
    def named(self) -> dict[str, str]:
        """The images by the names that they were asked for; the runtime itself calls them by digests too."""
        return {name: digest for name, digest in self.present.items() if _NAME_IS_DIGEST not in name}


@dataclass(frozen=True, slots=True)
class Pull:
    """A manifest that the registry handed out."""

    by: str  # an address
    repository: str
    digest: str


def images_on(machine: RackMachine) -> ImagesOnNode:
    """Ask a machine's container runtime."""
    present: dict[str, str] = {}
    running: set[str] = set()
    for namespace in _NAMESPACES:
        used = {row[1] for row in _rows(machine.ssh(_ASK.format(namespace, "containers")))}
        here = {row[0]: row[2] for row in _rows(machine.ssh(_ASK.format(namespace, "images")))}  # asked later: has all
        running |= {here[name] for name in used}
        present |= here
    return ImagesOnNode(present, frozenset(running))


def pulls(log: str) -> set[Pull]:
    """Return the manifests that were pulled, by the log of the registry."""
    return {Pull(*found) for found in _PULL.findall(log)}


def _rows(table: str) -> Iterable[list[str]]:
    """The rows of a table without its head."""
    return (line.split() for line in table.splitlines()[1:])
