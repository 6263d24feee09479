"""What is remarked on a description that is sound."""

from __future__ import annotations

from kboot.describe.remarks import remarks
from kboot_clusterdesc import load_text
from support.fleets import Fleet

_RACK = """
apiVersion: kboot/v1
cluster: {name: ail, domain: ail.example.com}
network:
  bootstrapper: 10.10.14.253
  subnet: 10.10.14.0/24
  dhcp: {mode: MODE, range: [10.10.14.1, 10.10.14.6]}
ssh_authorized_keys: []
IGNORE
nodes:
  - {mac: "00:25:90:c0:f7:80", more_macs: ["00:25:90:c0:f7:81"], ip: 10.10.14.201, roles: [worker]}
  - {mac: "00:25:90:c0:f7:82", more_macs: ["00:25:90:c0:f7:83"], ip: 10.10.14.2, roles: [worker]}
  - {mac: "00:25:90:c0:f7:84", ip: 10.10.14.203, roles: [worker]}
"""

_LEASED = (
    _RACK.replace("MODE", "serve")
    .replace("IGNORE", "")
    .replace("ip: 10.10.14.2, ", "")
    .replace("ip: 10.10.14.203, ", "")
    .replace("[worker]", "[etcd]")
)


def of_the_range(ignore: str, mode: str = "serve", rack: str = _RACK) -> list[str]:
    text = rack.replace("IGNORE", ignore).replace("MODE", f'"{mode}"')
    return [each for each in remarks(load_text(text, "rack.yaml")) if each.startswith("network.dhcp.range")]


def test_a_range_that_is_smaller_than_what_will_ask_is_remarked() -> None:
    assert of_the_range("") == []
    assert of_the_range('ignore: ["3c:ec:ef"]') == [], "three of nodes, and a BMC of each"
    (remark,) = of_the_range('ignore: ["3c:ec:ef", "00:11:22:33:44:55"]')
    assert remark.startswith("network.dhcp.range: has 6 addresses, and 7 cards will ask for one: 3 of nodes and 4 of")


def test_cards_that_are_bonded_with_the_one_that_boots_ask_too_and_no_others() -> None:
    cards = 'cards: {second: "00:25:90:c0:f7:81", storage: "00:25:90:c0:f7:91"}'
    bond = "links: {bonds: [{name: bond0, members: [boot, second]}]}"
    tight = _RACK.replace("10.10.14.6]", "10.10.14.2]")
    apart = tight.replace('more_macs: ["00:25:90:c0:f7:81"]', cards)
    assert of_the_range("", rack=apart) == []
    (remark,) = of_the_range("", rack=apart.replace(cards, f"{cards}, {bond}"))
    assert "has 2 addresses, and 3 cards will ask for one: 3 of nodes and 0 of" in remark


def test_an_address_of_the_range_that_has_a_name_is_remarked() -> None:
    named = _RACK.replace("  dhcp:", "  hosts: {printer: 10.10.14.5, far: 10.10.14.240}\n  dhcp:")
    (remark,) = of_the_range("", rack=named)
    assert "leased to nobody (10.10.14.5): a machine that has one by lease loses it" in remark
    assert of_the_range("", "off", named) == []


def test_a_range_that_is_not_kboots_to_hand_out_is_not() -> None:
    assert of_the_range('ignore: ["3c:ec:ef", "00:11:22"]', "off") == []


def of_the_fleet(*changes: tuple[str, str]) -> list[str]:
    text = Fleet(3).text
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return _of_nodes(text)


def _of_nodes(text: str) -> list[str]:
    """The remarks on a fleet, whose one ssh key is that of the documents."""
    return [each for each in remarks(load_text(text, "fleet.yaml")) if not each.startswith("ssh_authorized_keys:")]


def test_members_of_etcd_on_leases_are_remarked() -> None:
    assert of_the_fleet() == []
    (remark,) = [
        each
        for each in remarks(load_text(_LEASED, "rack.yaml"))
        if each.startswith("nodes: 2 of 3 etcd members have no `ip` (00-25-90-c0-f7-82, 00-25-90-c0-f7-84): only the")
    ]
    assert remark.endswith("bootstrapper's DNS knows where they are, and etcd does not start without it")


def test_an_endpoint_that_is_one_of_several_control_planes_is_remarked() -> None:
    for host in ("10.10.14.202", "cp1.ail.example.com"):
        (remark,) = of_the_fleet(("kubernetes:\n", f"kubernetes:\n  api_server: {{endpoint: '{host}'}}\n"))
        assert remark.startswith("kubernetes.api_server.endpoint: is `cp1` alone: without that machine no node reaches")
    assert of_the_fleet(("kubernetes:\n", "kubernetes:\n  api_server: {endpoint: 10.10.14.240}\n")) == []
    alone = Fleet(1).text.replace("kubernetes:\n", "kubernetes:\n  api_server: {endpoint: cp0.ail.example.com}\n")
    assert _of_nodes(alone) == []


def test_an_address_of_the_site_that_pods_would_have_is_remarked_at_its_key() -> None:
    text = Fleet(1).text.replace("os:\n", 'os:\n  release_url: "http://u:p@10.1.7.9:80/{channel}"\n', 1)
    keys = '  upstream_dns: [10.100.3.53]\n  hosts: {nas.ail.example.com: 10.1.7.9}\n  proxy: {http: "http://10.1.0.7:3128"}\n'
    assert _of_nodes(text.replace("network:\n", f"network:\n{keys}", 1)) == [
        "network.upstream_dns[0]: 10.100.3.53 lies in kubernetes.service_cidr (10.100.0.0/16): "
        "no machine and no pod will reach it",
        *(
            f"{key} lies in kubernetes.pod_cidr (10.1.0.0/16): no machine and no pod will reach it"
            for key in (
                "network.hosts.nas.ail.example.com: 10.1.7.9",
                "os.release_url: 10.1.7.9",
                "network.proxy.http: 10.1.0.7",
            )
        ),
    ]


def test_ranges_that_others_own_and_names_in_the_domain_of_services_are_remarked() -> None:
    text = Fleet(1).text.replace("kubernetes:\n", "kubernetes:\n  pod_cidr: 172.0.0.0/16\n", 1)
    assert _of_nodes(text.replace("network:\n", "network:\n  hosts: {nas.cluster.local: 10.10.20.9}\n", 1)) == [
        "kubernetes.pod_cidr: 172.0.0.0/16 are public addresses: machines and pods will not reach who has them",
        "network.hosts.nas.cluster.local: `nas.cluster.local` lies in kubernetes.dns_domain (`cluster.local`): "
        "no pod will find it",
    ]


def test_more_machines_that_may_join_than_pods_have_blocks_are_remarked() -> None:
    joins = "unknown_machines: worker\nkubernetes:\n  pod_cidr: 10.1.0.0/22\n"
    text = Fleet(2).text.replace("kubernetes:\n", joins, 1)
    (remark,) = [each for each in _of_nodes(text) if each.startswith("kubernetes.pod_cidr")]
    assert remark.startswith("kubernetes.pod_cidr: has 4 blocks of /24, one for each node, and ")
    assert " machines may join the 4 of the description: those beyond have no pods" in remark
    of_all = _of_nodes(text.replace("10.1.0.0/22", "10.1.0.0/16"))
    assert not [each for each in of_all if each.startswith("kubernetes.pod_cidr")]
