"""What `unknown_machines: worker` adds to a render, and who gets which secret of it."""

from __future__ import annotations

import pytest
import yaml

from kboot.render import RenderedFile
from kboot_clusterdesc import ClusterDesc, joined, load_text
from support.fixed_secrets import JOIN_SEED, MARK
from support.fleets import Fleet
from support.rendering import rendered_files
from unit.kboot.render.test_properties import readable

FORMS = ("ignition.json", "cloud-config.yaml", "node-config.json")
CNIS = pytest.mark.parametrize("cni", ["flannel", "routes", "none"])


def opened(cni: str = "flannel") -> ClusterDesc:
    """Three control planes and two workers, and whoever comes."""
    return load_text(Fleet(3, cni=cni).text + "unknown_machines: worker\n", "fleet.yaml")


def changed(before: dict[str, RenderedFile], after: dict[str, RenderedFile]) -> set[str]:
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


@CNIS
def test_it_changes_control_planes_and_leaves_every_declared_worker_as_it_was(cni: str) -> None:
    desc = opened(cni)
    leaders = {f"nodes/{node.mac.dashed}/{name}" for node in desc.control_planes for name in (*FORMS, "config-hash")}
    shared = {f"nodes/{joined.FOLDER}/{name}" for name in (*FORMS, "config-hash")}
    services = {"cluster.yaml", "config/clusterdesc.yaml", "config/dnsmasq.conf", "compose.yaml"}
    services.add(f"tls/cloudconfig/{joined.SEED_FILE}")
    assert changed(rendered_files(Fleet(3, cni=cni).desc), rendered_files(desc)) == leaders | shared | services


@CNIS
def test_the_config_that_all_share_holds_no_secret(cni: str) -> None:
    files = rendered_files(opened(cni))
    for name in FORMS:
        text = readable(files[f"nodes/{joined.FOLDER}/{name}"].content)
        assert b"BEGIN CERTIFICATE" in text
        for secret in (MARK, JOIN_SEED, "PRIVATE KEY"):
            assert secret.encode() not in text


def test_the_seed_is_known_to_control_planes_and_the_cloud_config_server_alone() -> None:
    desc = opened()
    files = rendered_files(desc)
    holders = {path for path, file in files.items() if JOIN_SEED.encode() in readable(file.content)}
    leaders = {f"nodes/{node.mac.dashed}/{name}" for node in desc.control_planes for name in FORMS}
    assert holders == leaders | {f"tls/cloudconfig/{joined.SEED_FILE}"}
    assert all(files[path].mode == 0o600 for path in holders)


@CNIS
def test_an_edit_that_touches_declared_nodes_alone_changes_no_joined_machine(cni: str) -> None:
    desc = opened(cni)
    fewer = desc.model_copy(update={"nodes": desc.nodes[:-1]})
    own = f"nodes/{joined.FOLDER}/"
    assert not {path for path in changed(rendered_files(desc), rendered_files(fewer)) if path.startswith(own)}


def test_its_kubelet_asks_for_both_certificates() -> None:
    document = yaml.safe_load(rendered_files(opened())[f"nodes/{joined.FOLDER}/cloud-config.yaml"].content)
    (unit,) = [each["content"] for each in document["coreos"]["units"] if each["name"] == "kubelet.service"]
    assert "--bootstrap-kubeconfig=/etc/kubernetes/kubelet/bootstrap-kubeconfig" in unit
    text = readable(rendered_files(opened())[f"nodes/{joined.FOLDER}/cloud-config.yaml"].content)
    assert b"serverTLSBootstrap: true" in text
    assert b"tlsCertFile" not in text
    assert b"tokenFile" in text
