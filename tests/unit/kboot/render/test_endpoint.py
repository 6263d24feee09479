"""The name of the API server: a record of ours that answers with every control plane."""

from __future__ import annotations

from typing import Any

import yaml

from kboot.node.names import api_record, records
from kboot.render import Attachments
from kboot.render.dhcp import alias
from kboot.render.nodes import node_config
from kboot_clusterdesc import ClusterDesc, load_text
from support.fixed_secrets import fixed_secrets
from support.fleets import Fleet
from unit.clusterdesc.sample import SAMPLE, accepted, spoilt


def holders(desc: ClusterDesc, name: str) -> list[str]:
    """The addresses that stand for a name before any lease."""
    return [str(record.ip) for record in records(desc) if name in record.names]


def test_the_default_endpoint_answers_with_every_control_plane() -> None:
    desc = Fleet(5).desc
    assert holders(desc, "api.ail.example.com") == [f"10.10.14.{number}" for number in range(201, 206)]
    assert alias(desc) is None


def test_the_reverse_answer_of_a_control_plane_stays_its_own_name() -> None:
    (record,) = [record for record in records(Fleet(1).desc) if "cp0" in record.names]
    assert record.names == ("cp0.ail.example.com", "cp0", "api.ail.example.com")


def test_a_control_plane_on_a_lease_is_found_by_another_name_of_it() -> None:
    desc = accepted(spoilt((", ip: 10.10.14.201", "")))
    assert holders(desc, "api.ail.example.com") == []
    assert alias(desc) == ("api.ail.example.com", "node1.ail.example.com")


def test_a_named_endpoint_in_our_domain_is_ours_and_one_outside_is_the_site_s() -> None:
    ours = accepted(spoilt(("v1.36.2}", "v1.36.2, api_server: {endpoint: k8s.ail.example.com}}")))
    assert api_record(ours) == "k8s.ail.example.com"
    for endpoint in ("k8s.example.org:443", "10.10.14.200"):
        desc = accepted(spoilt(("v1.36.2}", f"v1.36.2, api_server: {{endpoint: '{endpoint}'}}}}")))
        assert api_record(desc) is None


def test_a_record_that_the_description_declares_is_left_to_it() -> None:
    text = SAMPLE.replace("  routers:", "  hosts: {api.ail.example.com: 10.10.14.200}\n  routers:")
    desc = load_text(text, "rack.yaml")
    assert holders(desc, "api.ail.example.com") == ["10.10.14.200"]


def test_a_fleet_without_kubernetes_has_no_such_name() -> None:
    assert api_record(Fleet(1, kubernetes=False).desc) is None


def api_server(desc: ClusterDesc) -> dict[str, Any]:
    """The container of the first control plane's API server."""
    config = node_config(desc, desc.control_planes[0], fixed_secrets(desc), Attachments())
    path = "/etc/kubernetes/manifests/kube-apiserver.yaml"
    (manifest,) = [yaml.safe_load(file.content) for file in config.files if file.path == path]
    (container,) = manifest["spec"]["containers"]
    found: dict[str, Any] = container
    return found


def test_an_api_server_is_told_its_address_and_on_a_lease_by_the_kubelet_which_knows_it() -> None:
    fixed = api_server(accepted(SAMPLE))
    assert "--advertise-address=10.10.14.201" in fixed["command"]
    assert "env" not in fixed
    leased = api_server(accepted(spoilt((", ip: 10.10.14.201", ""))))
    assert "--advertise-address=$(HOST_IP)" in leased["command"]
    assert leased["env"] == [{"name": "HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}]
