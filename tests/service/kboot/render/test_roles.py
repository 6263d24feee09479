"""What the consumers of node configs make of every role: Ignition, cloud-config readers, systemd, the API's schemas."""

from __future__ import annotations

import re
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from kboot.node import NodeConfig
from kboot.render import Attachments
from kboot.render.nodes import joined_config, node_config
from kboot_clusterdesc import ClusterDesc, Node, Role, joined, load_text
from support.fixed_secrets import fixed_secrets
from support.fleets import FLEETS, Fleet
from support.rendering import rendered_files

# https://github.com/coreos/coreos-cloudinit/blob/master/Documentation/cloud-config.md
_TOP = {"hostname", "ssh_authorized_keys", "users", "write_files", "coreos"}
_FILE = {"path", "permissions", "owner", "encoding", "content"}
_UNIT = {"name", "enable", "mask", "content", "drop_ins", "command"}


def opened(cni: str) -> ClusterDesc:
    """Three control planes that let undeclared machines in."""
    return load_text(Fleet(3, cni=cni).text + "unknown_machines: worker\n", "fleet.yaml")


def configs(desc: ClusterDesc) -> Iterator[tuple[Node, NodeConfig]]:
    """Each node and what it is given; last the machine that no one declared."""
    secrets = fixed_secrets(desc)
    for node in desc.nodes:
        yield node, node_config(desc, node, secrets, Attachments(manifests={"000-own.yaml": b"apiVersion: v1\n"}))
    if desc.lets_machines_join:
        yield joined.joined_node(joined.STAND_IN_MAC), joined_config(desc, secrets, Attachments())


@pytest.mark.parametrize("fleet", FLEETS, ids=str)
def test_every_node_config_is_sound_in_both_dialects(fleet: Fleet) -> None:
    desc = fleet.desc
    files = rendered_files(desc)
    for node, config in configs(desc):
        folder = f"nodes/{node.mac.dashed}"
        done = subprocess.run(
            ["ignition-validate", "-"], input=files[f"{folder}/ignition.json"].content, capture_output=True
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, b"")
        document = yaml.safe_load(files[f"{folder}/cloud-config.yaml"].content)
        assert set(document) <= _TOP
        assert set(document["coreos"]) == {"units"}
        assert all(set(entry) <= _FILE for entry in document["write_files"])
        assert all(set(entry) <= _UNIT for entry in document["coreos"]["units"])
        units = {
            entry["name"]: entry
            for entry in document["coreos"]["units"]
            if entry.get("command") not in ("restart", "try-restart")  # the OS's own, as it is
        }
        assert {name: (unit.get("content"), unit.get("enable", False)) for name, unit in units.items()} == {
            unit.name: (unit.content, unit.enabled) for unit in config.units
        }
        written = {
            entry["path"]: (b64decode(entry["content"]), int(entry["permissions"], 8))
            for entry in document["write_files"]
        }
        own = {path for path in written if path.startswith("/etc/kubernetes/addons/own/")}
        assert not own  # this render has no manifests of an operator
        wanted = {file.path: (file.content, file.mode) for file in config.files if "/addons/own/" not in file.path}
        known = set(wanted) - {"/opt/bin/kboot-addons"}  # which differs by those manifests
        assert {path: written[path] for path in known} == {path: wanted[path] for path in known}


def system(root: Path, config: NodeConfig) -> Path:
    """A root with the config's units and files, on top of this machine's own systemd units."""
    shutil.copytree("/usr/lib/systemd/system", root / "usr/lib/systemd/system", symlinks=True)
    for name in ("usr/bin/containerd", "opt/kboot/kubernetes/v1.36.2/kubelet"):
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("#!/bin/sh\n")
        place.chmod(0o755)
    (root / "usr/lib/systemd/system/containerd.service").write_text("[Service]\nExecStart=/usr/bin/containerd\n")
    for file in config.files:
        place = root / file.path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.content)
        place.chmod(file.mode)
    units = root / "etc/systemd/system"
    units.mkdir(parents=True, exist_ok=True)
    for unit in config.units:
        if unit.content is not None:
            (units / unit.name).write_text(unit.content)
        for drop_in in unit.drop_ins:
            (units / f"{unit.name}.d").mkdir(exist_ok=True)
            (units / f"{unit.name}.d" / drop_in.name).write_text(drop_in.content)
    for program in ("bin/ln", "bin/bash"):
        place = root / program
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("#!/bin/sh\n")
        place.chmod(0o755)
    return root


@pytest.mark.parametrize("cni", ["flannel", "routes"])
def test_systemd_has_nothing_to_say_of_any_unit(cni: str, tmp_path: Path) -> None:
    for node, config in configs(opened(cni)):
        root = system(tmp_path / node.name, config)
        for unit in config.units:
            if unit.masked:  # systemd never reads it
                continue
            done = subprocess.run(
                ["systemd-analyze", "verify", f"--root={root}", "--recursive-errors=no", "--man=no", unit.name],
                capture_output=True,
                text=True,
            )
            assert (done.returncode, done.stderr) == (0, ""), unit.name


def test_no_unit_is_lost_for_good_when_containerd_starts_late() -> None:
    # systemd.unit(5): a start that fails takes with it those that require it, and Restart= brings none of them back.
    units = {unit.name: unit.content or "" for _, config in configs(opened("routes")) for unit in config.units}
    assert [name for name, content in units.items() if "\nRequires=" in content] == []
    for name in ("etcd.service", "kubelet.service"):
        assert re.search("^Wants=containerd.service ", units[name], re.MULTILINE)
        assert "\nPartOf=containerd.service\n" in units[name]  # one that is restarted still takes them along


@pytest.mark.parametrize(("flags", "left"), [(["--boot"], False), ([], True)], ids=["boot", "restart"])
def test_records_of_pods_of_the_boot_before_go_at_a_boot_alone(flags: list[str], left: bool, tmp_path: Path) -> None:
    for node, config in configs(opened("routes")):
        root = tmp_path / node.name
        record = root / "var/lib/cni/results/kboot-0123-eth0"
        record.parent.mkdir(parents=True)
        record.touch()  # empty, as a power cut leaves it
        name = "/etc/tmpfiles.d/kubernetes.conf"
        given = next(file.content for file in config.files if file.path == name)
        done = subprocess.run(["systemd-tmpfiles", "--remove", *flags, f"--root={root}", "-"], input=given, timeout=60)
        assert (done.returncode, record.exists(), (root / "var/lib").exists()) == (0, left, True)


@pytest.mark.parametrize("cni", ["flannel", "routes", "none"])
def test_every_script_is_sound(cni: str) -> None:
    for _, config in (*configs(Fleet(1, cni=cni).desc), *configs(opened(cni))):
        for file in config.files:
            if file.path.startswith("/opt/bin/"):
                done = subprocess.run(["shellcheck", "--shell=bash", "-"], input=file.content, capture_output=True)
                assert done.returncode == 0, file.path + done.stdout.decode()


def documents(config: NodeConfig, folder: str) -> list[dict[str, Any]]:
    """The Kubernetes objects in the files below `folder`."""
    found: list[dict[str, Any]] = []
    for file in config.files:
        if file.path.startswith(folder):
            found += yaml.safe_load_all(file.content)
    return found


@pytest.mark.parametrize(("number", "taint", "away"), [(1, "", 2), (2, "", 1), (2, "dedicated=db:NoExecute", 2)])
def test_a_drain_keeps_a_coredns_pod_where_another_node_can_have_it(number: int, taint: str, away: int) -> None:
    """Of the two workers one is tainted; the second control plane is a worker too."""
    desc = load_text(Fleet(number).text.replace("name: cp1", f"name: cp1\n  taints: [{taint}]"), "fleet.yaml")
    for node, config in configs(desc):
        if Role.CONTROL_PLANE in node.roles:
            found = documents(config, "/etc/kubernetes/addons/manifests/")
            budgets = [each["spec"] for each in found if each["kind"] == "PodDisruptionBudget"]
            assert [each["maxUnavailable"] for each in budgets] == [away]


@pytest.mark.parametrize("every", [True, False], ids=["every worker", "one of two"])
def test_coredns_goes_to_the_control_planes_where_a_taint_keeps_it_from(every: bool) -> None:
    taint = "taints: [gpu=yes:NoSchedule]\n  " if every else ""
    desc = load_text(Fleet(1).text.replace("- labels:", f"- {taint}labels:"), "fleet.yaml")
    config = next(config for node, config in configs(desc) if Role.CONTROL_PLANE in node.roles)
    found = documents(config, "/etc/kubernetes/addons/manifests/")
    pod = next(each for each in found if each["kind"] == "Deployment")["spec"]["template"]["spec"]
    assert ("node-role.kubernetes.io/control-plane" in str(pod["tolerations"])) is every


@pytest.mark.parametrize("cni", ["flannel", "routes", "none"])
def test_every_manifest_is_of_the_schema_of_its_version(cni: str) -> None:
    (_, config), *_ = configs(opened(cni))
    pods = documents(config, "/etc/kubernetes/manifests/")
    objects = documents(config, "/etc/kubernetes/addons/manifests/")
    assert [pod["metadata"]["name"] for pod in pods] == [
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
    ]
    kinds = {(each["kind"], each["metadata"]["name"]) for each in objects}
    assert kinds >= {("DaemonSet", "kube-proxy"), ("Deployment", "coredns"), ("Service", "kube-dns")}
    assert (("DaemonSet", "kube-flannel") in kinds) == (cni == "flannel")
    for each in (*pods, *objects):
        kubernetes_validate.validate(each, "1.36", strict=True)


def test_the_schemas_find_a_field_that_is_not_there() -> None:
    (_, config), *_ = configs(Fleet(1).desc)
    pod = documents(config, "/etc/kubernetes/manifests/")[0]
    pod["spec"]["containers"][0]["imagePullPolice"] = "Always"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, "1.36", strict=True)


@pytest.mark.parametrize("fleet", [each for each in FLEETS if each.kubernetes and each.family == "flatcar"], ids=str)
def test_coredns_is_never_sent_back_to_itself(fleet: Fleet) -> None:
    for _, config in configs(fleet.desc):
        files = {file.path: file.content for file in config.files}
        kubelet = yaml.safe_load(files["/etc/kubernetes/kubelet/config.yaml"])
        assert kubelet["resolvConf"] == "/run/systemd/resolve/resolv.conf"
        for each in documents(config, "/etc/kubernetes/addons/manifests/"):
            if (each["kind"], each["metadata"]["name"]) == ("ConfigMap", "coredns"):
                forwards = [line for line in each["data"]["Corefile"].splitlines() if "forward " in line]
                assert [line.split()[:3] for line in forwards] == [["forward", ".", "/etc/resolv.conf"]]


def test_the_kubelet_gets_the_labels_as_they_were_written() -> None:
    labels = {"country": "NO", "rack": "0x10", "release": "1.30", "row": "012", "spare": "on", "since": "2024-01-01"}
    text = yaml.safe_load(Fleet().text)
    text["nodes"][-1]["labels"] = labels
    *_, (_, config) = configs(load_text(yaml.safe_dump(text), "fleet.yaml"))
    (unit,) = [unit for unit in config.units if unit.name == "kubelet.service"]
    (line,) = [line for line in (unit.content or "").splitlines() if "--node-labels=" in line]
    given = line.strip().removeprefix("--node-labels=").removesuffix(" \\").split(",")
    assert dict(each.split("=") for each in given) == labels
