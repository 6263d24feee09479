"""A machine that runs is given the config that a reinstall would give it: one archive and a script over ssh."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping
from hashlib import sha256

from kboot_clusterdesc import ClusterFolder, Mac
from kboot_clusterdesc.os_family import ACCOUNT
from kboot_clusterdesc.shared_files import CLOUD_CONFIG, IGNITION
from kboot_compose.templates import rendered

from ..errors import KbootError
from ..node import File, NodeConfig
from ..node.config import CONFIG_FILES, CONFIG_HASH, UNITS
from ..node.ignition import read_ignition
from ..running.ssh import Remote

ADDONS_UNIT = "kboot-addons.service"
_MANIFESTS = "/etc/kubernetes/manifests/"
_KUBELET = "kubelet.service"
# Where a file lies -> the unit that reads it only at its start; the first place that fits counts. None: each use of the
# file reads it anew, or the kubelet sees that its static pod changed.
READERS: Mapping[str, str | None] = {
    "/etc/kboot/": None,
    "/etc/hosts": None,
    "/etc/flatcar/update.conf": None,  # its readers are masked
    "/etc/coreos/update.conf": None,
    "/etc/systemd/network/": "systemd-networkd.service",
    "/etc/systemd/networkd.conf.d/": "systemd-networkd.service",
    "/opt/bin/kboot-clock": None,
    "/opt/bin/kboot-report": None,
    "/etc/containerd/certs.d/": None,
    "/etc/containerd/": "containerd.service",
    "/etc/etcd/etcdctl.env": None,
    "/etc/etcd/pki/client.": None,
    "/etc/etcd/": "etcd.service",
    "/opt/bin/kboot-etcd": "etcd.service",
    "/opt/bin/etcdctl": None,
    _MANIFESTS: None,
    "/etc/kubernetes/kubelet/": _KUBELET,
    "/opt/bin/kboot-kubelet-prepare": _KUBELET,
    "/etc/sysctl.d/90-kubernetes.conf": _KUBELET,
    "/etc/modules-load.d/": "systemd-modules-load.service",
    "/etc/tmpfiles.d/": None,
    "/opt/bin/kboot-assets": "kboot-assets.service",
    "/etc/kubernetes/pod-network/": "kboot-routes.service",
    "/opt/bin/kboot-routes": "kboot-routes.service",
    "/opt/bin/kboot-node-labels": None,
    "/etc/kubernetes/addons/": ADDONS_UNIT,
    "/opt/bin/kboot-addons": ADDONS_UNIT,
    "/etc/kubernetes/tls-bootstrap/": None,
    "/opt/bin/kboot-tls-bootstrap": None,
    "/opt/bin/kboot-api-server": None,
    "/etc/kubernetes/kube-": None,  # its manifest names their hash
}
_IN_MEMORY = "/run"  # the archive holds private keys


def apply(
    folder: ClusterFolder, mac: Mac, remote: Remote, timeout_s: float, *, holds_addons: bool = False
) -> list[str]:
    """Bring a machine to the config that `kboot up` rendered for it; what its script says it did.

    With `holds_addons` new add-ons are written but not applied yet. Doing it twice does nothing more.
    """
    content, dialect = rendered_config(folder, mac)
    given = archive(read_ignition(content), content, dialect, holds_addons)
    return remote.run(unpack(_IN_MEMORY, "/"), given=given, timeout_s=timeout_s).decode().splitlines()


def unpack(folder: str, root: str) -> list[str]:
    """The command that takes an archive on its standard input to a machine whose files lie below `root`."""
    return ["bash", "-c", rendered("nodes/kboot-unpack.j2").decode(), "kboot-unpack", folder, root]


def rendered_config(folder: ClusterFolder, mac: Mac) -> tuple[bytes, bytes]:
    """The config of a machine in both dialects: Ignition, cloud-config."""
    place = folder.node(mac)
    try:
        return (place / IGNITION).read_bytes(), (place / CLOUD_CONFIG).read_bytes()
    except OSError as error:
        raise KbootError(f"{error.filename}: cannot be read: {error.strerror}", "run `kboot up` first") from error


def archive(config: NodeConfig, ignition: bytes, cloud_config: bytes, holds_addons: bool = False) -> bytes:
    """What the machine is sent, as tar; the same config gives the same bytes.

    `kboot-apply` is the script and says what the rest is for.
    """
    files = sorted(config.all_files, key=_order)
    units = [unit.name for unit in config.units if unit.enabled]
    masks = [unit.name for unit in config.units if unit.masked]
    idle = [unit.name for unit in config.units if not unit.enabled and not unit.masked]
    held = ADDONS_UNIT if holds_addons else None
    plan = "".join(f"{_reader(file.path, units, held) or '-'} {file.path}\n" for file in files)
    members = {
        "kboot-apply": File("", rendered("nodes/kboot-apply.j2"), 0o700),
        "plan": File("", plan.encode()),
        "enabled": File("", "".join(f"{name}\n" for name in units).encode()),
        "idle": File("", "".join(f"{name}\n" for name in idle).encode()),
        "never": File("", "".join(f"{name}\n" for name in masks).encode()),
        "kept/ignition": File("", ignition, 0o600),
        "kept/cloud-config": File("", cloud_config, 0o600),
        **{f"files{file.path}": file for file in files},
        **{f"keys/{user}": File("", keys, 0o600) for user, keys in _keys(config)},
    }
    # Written last and asked for first: an archive that was cut off changes nothing.
    members["SHA256SUMS"] = File("", _sums(members))
    return _tar(members)


def reader(path: str) -> str | None:
    """The unit that reads a file of ours only at its start; raises KeyError for a file that is not of ours."""
    return READERS[next((place for place in READERS if path.startswith(place)), path)]


def _reader(path: str, enabled: list[str], held: str | None) -> str | None:
    if path.startswith(f"{UNITS}/"):  # a unit or its drop-in concerns itself; what a timer starts runs when it is due
        unit = path.removeprefix(f"{UNITS}/").partition("/")[0].removesuffix(".d")
    else:
        try:
            unit = reader(path) or ""
        except KeyError:  # the operator's own, of which nobody knows who reads it
            return None
    return unit if (unit in enabled and unit != held) or unit.startswith("systemd-") else None


def _order(file: File) -> tuple[int, str]:
    """Static pods after what they read, the list of files after all of them, the hash when everything is in force."""
    late = {CONFIG_FILES: 2, CONFIG_HASH: 3}
    return late.get(file.path, 1 if file.path.startswith(_MANIFESTS) else 0), file.path


def _keys(config: NodeConfig) -> Iterator[tuple[str, bytes]]:
    """Whose ssh keys are set: an account without declared ones is left as it is."""
    for name, keys in ((ACCOUNT, config.ssh_authorized_keys), *((u.name, u.ssh_authorized_keys) for u in config.users)):
        if keys:
            yield name, "".join(f"{key}\n" for key in keys).encode()


def _sums(members: Mapping[str, File]) -> bytes:
    """As sha256sum(1) checks it, which writes a backslash in a name twice."""
    lines = []
    for name, file in members.items():
        mark, shown = ("\\", name.replace("\\", "\\\\")) if "\\" in name else ("", name)
        lines.append(f"{mark}{sha256(file.content).hexdigest()}  {shown}\n")
    return "".join(lines).encode()


def _tar(members: Mapping[str, File]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, file in members.items():
            entry = tarfile.TarInfo(name)  # root's, of 1970
            entry.size, entry.mode = len(file.content), file.mode
            tar.addfile(entry, io.BytesIO(file.content))
    return stream.getvalue()
