"""Old descriptions: which convert, and what is said of those that do not."""

from __future__ import annotations

import pytest

from kboot.describe.convert import Converted, convert
from kboot_clusterdesc import DhcpMode, InvalidDescription, Role, load_text
from unit.clusterdesc.sample import KEY

OLD = f"""\
bootstrapper: 10.10.14.253
subnet: 10.10.14.0
netmask: 255.255.255.0
iplow: 10.10.14.1
iphigh: 10.10.14.127
routers: [10.10.14.254]
broadcast: 10.10.14.255
nameservers: [10.10.14.253, 8.8.8.8]
domainname: "ail.example.com"
nodes:
  - mac: 00:25:90:c0:f7:80
    kube_master: y
    etcd_member: y
  - mac: 10:20:30:40:50:12
    kube_master: n
    etcd_member: "n"
ssh_authorized_keys: |1+
    - "{KEY}"
"""


def converted(text: str) -> Converted:
    """The conversion, whose description is known to validate."""
    found = convert(text, "old.yml")
    load_text(found.description_text, "new.yaml")
    return found


def refusal(text: str) -> str:
    with pytest.raises(InvalidDescription) as refused:
        convert(text, "old.yml")
    assert all(problem.hint for problem in refused.value.problems)
    return str(refused.value)


def test_roles_keys_and_digits_keep_their_meaning() -> None:
    desc = load_text(converted(OLD).description_text, "new.yaml")
    assert [node.mac for node in desc.nodes] == ["00:25:90:c0:f7:80", "10:20:30:40:50:12"]
    assert [node.roles for node in desc.nodes] == [(Role.CONTROL_PLANE, Role.ETCD), (Role.WORKER,)]
    assert desc.ssh_authorized_keys == (KEY,)


def test_name_servers_outside_the_subnet_become_upstream() -> None:
    found = converted(OLD)
    desc = load_text(found.description_text, "new.yaml")
    assert [str(address) for address in desc.network.nameservers] == ["10.10.14.253"]
    assert [str(address) for address in desc.network.upstream_dns] == ["8.8.8.8"]
    assert any("8.8.8.8" in note for note in found.notes)


def test_what_was_hard_coded_is_written_out() -> None:
    desc = load_text(converted(OLD).description_text, "new.yaml")
    assert desc.kubernetes is not None
    assert str(desc.kubernetes.pod_cidr) == "10.1.0.0/16"
    assert str(desc.kubernetes.service_cidr) == "10.100.0.0/24"
    assert desc.os.timezone == "Asia/Shanghai"
    assert desc.os.install_disk == "/dev/sda"
    assert desc.unknown_machines == "worker"


def test_a_pool_over_addresses_in_use_is_cut_and_that_is_said() -> None:
    found = converted(OLD.replace("iphigh: 10.10.14.127", "iphigh: 10.10.14.254"))
    pool = load_text(found.description_text, "new.yaml").network.dhcp.range
    assert pool is not None
    assert (str(pool.first), str(pool.last)) == ("10.10.14.1", "10.10.14.252")
    assert any("cut to 10.10.14.1 to 10.10.14.252" in note for note in found.notes)


def test_where_the_site_gives_addresses_no_unknown_machine_is_let_in() -> None:
    found = converted(OLD + "start_pxe: n\n")
    assert load_text(found.description_text, "new.yaml").unknown_machines == "ignore"
    assert any("unknown_machines is `ignore`" in note for note in found.notes)


def test_a_site_with_its_own_dhcp_keeps_it() -> None:
    found = converted(OLD + "start_pxe: n\n")
    assert load_text(found.description_text, "new.yaml").network.dhcp.mode is DhcpMode.OFF
    assert "iplow" in dict(found.dropped)


def test_secrets_are_named_and_never_shown() -> None:
    found = converted(OLD + 'users_mail_pass: "hunter2"\nmy_token: hunter3\nextra: {password: hunter4}\n')
    assert {"users_mail_pass", "my_token", "extra.password"} <= set(dict(found.dropped))
    assert "hunter" not in repr(found)


def test_every_key_without_a_counterpart_is_listed_with_its_reason() -> None:
    found = converted(OLD + "set_gpu: y\nceph: {osd_journal_size: 5}\nimages: {grafana: x/y:1}\nodd: 1\n")
    dropped = dict(found.dropped)
    assert {"set_gpu", "ceph.osd_journal_size", "images.grafana", "odd"} <= set(dropped)
    assert all(dropped.values())
    assert all(f"Not carried over, {key}:" in found.description_text for key in dropped)


@pytest.mark.parametrize(
    ("added", "said"),
    [
        (
            "broadcast: 10.10.14.127",
            "old.yml:7:12: broadcast: `10.10.14.127` is not the broadcast address of 10.10.14.0/24",
        ),
        ("netmask: 255.0.255.0", "old.yml:3:10: netmask: `10.10.14.0` with `255.0.255.0` is no subnet"),
        ("domainname: 10.10.14.253", "old.yml:9:13: domainname: `10.10.14.253` is an address, not a domain"),
        (
            "bootstrapper: 10.10.15.253",
            "old.yml:1:15: network.bootstrapper: 10.10.15.253 is outside 10.10.14.0/24",
        ),
        ("iplow: 10.10.13.1", "old.yml:5:9: network.dhcp.range: 10.10.13.1 is outside 10.10.14.0/24"),
    ],
)
def test_a_fault_of_the_old_file_is_placed_in_the_old_file(added: str, said: str) -> None:
    key = added.partition(":")[0]
    lines = [added if line.startswith(f"{key}:") else line for line in OLD.splitlines()]
    assert said in refusal("\n".join(lines) + "\n")


def test_a_bad_node_is_placed_at_its_own_line() -> None:
    assert "old.yml:11:10: nodes[0].mac: " in refusal(OLD.replace("00:25:90:c0:f7:80", "00:25:90"))
    assert "old.yml:12:18: nodes[].kube_master: is neither y nor n" in refusal(
        OLD.replace("kube_master: y", "kube_master: maybe")
    )


def test_a_repeated_key_is_refused() -> None:
    assert "old.yml:19:1: iplow: repeated key" in refusal(OLD + "iplow: 10.10.14.2\n")


def test_a_blank_of_a_template_is_refused_where_it_stands() -> None:
    assert "ssh_authorized_keys: `<SSH_KEY>` is a blank of a template" in refusal(OLD.replace(KEY, "<SSH_KEY>"))


def test_a_new_description_is_not_converted() -> None:
    assert "description of kboot already" in refusal("apiVersion: kboot/v1\n")


@pytest.mark.parametrize("text", ["", "- a\n", "x\n", "a: b\n"])
def test_anything_else_is_refused_as_such(text: str) -> None:
    assert refusal(text).startswith("old.yml:1:1: ")


def test_udp_of_flannel_becomes_vxlan_with_a_note() -> None:
    found = converted(OLD + "flannel_backend: udp\n")
    assert any("vxlan" in note for note in found.notes)


def test_interfaces_that_differ_are_dropped_and_one_that_all_share_is_kept() -> None:
    alike = OLD.replace("    kube_master:", "    flannel_iface: eth1\n    kube_master:")
    desc = load_text(converted(alike).description_text, "new.yaml")
    assert desc.kubernetes is not None
    assert desc.kubernetes.cni.interface == "eth1"
    differing = alike.replace("flannel_iface: eth1", "flannel_iface: eth0", 1)
    assert "nodes[].flannel_iface" in dict(converted(differing).dropped)
