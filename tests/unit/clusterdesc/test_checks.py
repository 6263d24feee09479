"""What must hold between the keys of a description."""

from __future__ import annotations

import pytest

from kboot_clusterdesc import Role
from unit.clusterdesc.sample import SAMPLE, accepted, place, refusal, refused_keys, spoilt, with_block


def nodes(*roles: str) -> str:
    """The sample with one node for each `roles`."""
    lines = [f'  - {{mac: "02:00:00:00:00:{i:02x}", roles: [{role}]}}\n' for i, role in enumerate(roles, 1)]
    return with_block("nodes", "nodes:\n" + "".join(lines))


def os(fields: str) -> str:
    return with_block("os", f"os: {{{fields}}}\n")


def kubernetes(fields: str) -> str:
    return with_block("kubernetes", f"kubernetes: {{{fields}}}\n")


# addresses


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("10.10.15.1", "10.10.15.1 is outside 10.10.14.0/24"),
        ("10.10.14.0", "10.10.14.0 is the network address of 10.10.14.0/24"),
        ("10.10.14.255", "10.10.14.255 is the broadcast address of 10.10.14.0/24"),
        ("10.10.14.253", "10.10.14.253 is taken by network.bootstrapper"),
        ("10.10.14.254", "10.10.14.254 is taken by network.routers[0]"),
    ],
)
def test_an_address_that_no_node_can_have_is_refused_where_it_stands(address: str, reason: str) -> None:
    assert refusal(spoilt(("10.10.14.201", address))).startswith(f"rack.yaml:12:49: nodes[0].ip: {reason}\n")


def test_an_address_that_two_nodes_claim_is_refused_at_the_second() -> None:
    text = spoilt(("roles: [worker]", "ip: 10.10.14.201, roles: [worker]"))
    assert refusal(text).startswith("rack.yaml:13:36: nodes[1].ip: 10.10.14.201 is taken by nodes[0].ip\n")


def test_a_node_may_have_an_address_of_the_range() -> None:
    accepted(spoilt(("10.10.14.201", "10.10.14.5")))


def test_a_mac_that_stands_twice_is_refused_at_the_second_in_any_spelling() -> None:
    text = spoilt(("00:25:90:c0:f6:ee", "00-25-90-C0-F7-80"))
    assert refusal(text).startswith("rack.yaml:13:11: nodes[1].mac: 00:25:90:c0:f7:80 is the MAC of nodes[0] too\n")


@pytest.mark.parametrize("address", ["10.10.15.253", "10.10.14.0", "10.10.14.255"])
def test_the_bootstrapper_must_be_a_host_of_the_subnet(address: str) -> None:
    said = refusal(spoilt(("bootstrapper: 10.10.14.253", f"bootstrapper: {address}")))
    assert said.startswith(f"rack.yaml:4:17: network.bootstrapper: {address} is ")


@pytest.mark.parametrize(
    ("pool", "reason"),
    [
        ("10.10.14.127, 10.10.14.1", "ends (10.10.14.1) before it begins (10.10.14.127)"),
        ("10.10.14.200, 10.10.14.253", "covers 10.10.14.253, which is network.bootstrapper"),
        ("10.10.14.254, 10.10.14.254", "covers 10.10.14.254, which is network.routers[0]"),
        ("10.10.13.1, 10.10.14.127", "10.10.13.1 is outside 10.10.14.0/24"),
        ("10.10.14.0, 10.10.14.127", "10.10.14.0 is no machine's address in 10.10.14.0/24"),
    ],
)
def test_a_range_that_cannot_be_handed_out_is_refused_where_it_stands(pool: str, reason: str) -> None:
    said = refusal(spoilt(("10.10.14.1, 10.10.14.127", pool)))
    assert said.startswith("rack.yaml:6:30: network.dhcp.range: ")
    assert reason in said


def test_a_range_may_not_cover_a_name_server() -> None:
    said = refusal(spoilt(("  routers:", "  nameservers: [10.10.14.20]\n  routers:")))
    assert "network.dhcp.range: 10.10.14.1 to 10.10.14.127 covers 10.10.14.20, which is network.nameservers[0]" in said


def test_mode_serve_needs_a_range_and_the_other_modes_do_not() -> None:
    pool = "mode: serve, range: [10.10.14.1, 10.10.14.127], lease: 24h"
    assert refused_keys(spoilt((pool, "mode: serve"))) == ["network.dhcp.range"]
    accepted(spoilt((pool, "mode: off")))


def test_mode_proxy_needs_the_address_of_every_node() -> None:
    text = spoilt(("mode: serve, range: [10.10.14.1, 10.10.14.127], lease: 24h", "mode: proxy"))
    assert refused_keys(text) == ["nodes[1].ip"]
    accepted(text.replace("roles: [worker]", "ip: 10.10.14.202, roles: [worker]"))


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ("service_cidr: 10.10.0.0/16", "kubernetes.service_cidr"),
        ("pod_cidr: 10.10.0.0/16", "kubernetes.pod_cidr"),
        ("service_cidr: 10.1.128.0/20", "kubernetes.pod_cidr"),
        ("service_cidr: 10.100.0.0/30", "kubernetes.service_cidr"),
        ("service_cidr: 255.255.255.255/32", "kubernetes.service_cidr"),
        ("dns_service_ip: 10.101.0.10", "kubernetes.dns_service_ip"),
        ("dns_service_ip: 10.100.0.1", "kubernetes.dns_service_ip"),
    ],
)
def test_ranges_that_get_in_each_others_way_are_refused(fields: str, key: str) -> None:
    text = kubernetes(fields)
    assert refused_keys(text) == [key]
    refusal(text)


def test_cluster_dns_is_the_tenth_service_by_default() -> None:
    desc = accepted(kubernetes("service_cidr: 10.7.0.0/20"))
    assert desc.kubernetes is not None
    assert str(desc.kubernetes.dns_address) == "10.7.0.10"


@pytest.mark.parametrize("subnet", ["0.0.0.0/0", "10.10.14.252/30", "10.10.14.253/32"])
def test_a_subnet_too_large_or_too_small_is_refused(subnet: str) -> None:
    assert "network.subnet" in refused_keys(spoilt(("subnet: 10.10.14.0/24", f"subnet: {subnet}")))


# names


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("5m", "a lease time"),
        ('"101"', "a lease time"),
        ("45S", "a lease time"),
        ("infinite", "a keyword"),
        ("ignore", "a keyword"),
        ("10.10.14.99", "an address"),
        ('"fe80::1"', "an address"),
    ],
)
def test_a_name_that_dnsmasq_reads_as_something_else_is_refused_where_it_stands(name: str, reason: str) -> None:
    text = spoilt(("name: node1", f"name: {name}"))
    bare = name.strip('"')
    expected = f"{place(text, name + ', ip')}: nodes[0].name: `{bare}` would be read as {reason}"
    assert refusal(text).startswith(expected)


def test_all_five_names_are_reported_in_one_run() -> None:
    names = ["5m", '"101"', "infinite", "ignore", "10.10.14.99"]
    lines = [
        f'  - {{mac: "02:00:00:00:00:0{i}", name: {name}, ip: 10.10.14.20{i}, roles: [{roles}]}}\n'
        for i, (name, roles) in enumerate(zip(names, ["control-plane, etcd", *["worker"] * 4], strict=True), 1)
    ]
    assert refused_keys(with_block("nodes", "nodes:\n" + "".join(lines))) == [f"nodes[{i}].name" for i in range(5)]


@pytest.mark.parametrize("name", ["node101", "m5", "ignored", "infinite-1", "5x", "a"])
def test_names_that_only_look_alike_pass(name: str) -> None:
    assert accepted(spoilt(("name: node1", f"name: {name}"))).nodes[0].name == name


@pytest.mark.parametrize("name", ["Node1", "node_1", "-node", "node-", "node1.ail", "n" * 64, "n\u00f6de", "a b"])
def test_a_name_that_is_no_host_name_is_refused(name: str) -> None:
    assert refused_keys(spoilt(("name: node1", f'name: "{name}"'))) == ["nodes[0].name"]


def test_a_name_too_long_for_a_certificate_is_refused_where_the_machine_has_keys() -> None:
    assert "50 characters, too many for a certificate" in refusal(spoilt(("name: node1", f"name: {'n' * 50}")))
    accepted(spoilt(("name: node1", f"name: {'n' * 49}")))
    fleet = "nodes:\n" + f"  - {{mac: '02:00:00:00:00:01', name: {'n' * 63}, roles: [worker]}}\n"
    accepted(with_block("nodes", fleet).replace("kubernetes: {version: v1.36.2}\n", ""))


def test_a_name_that_two_nodes_have_is_refused_at_the_second() -> None:
    said = refusal(spoilt(("roles: [worker]", "name: node1, roles: [worker]")))
    assert said.startswith("rack.yaml:13:38: nodes[1].name: `node1` is the name of nodes[0] too\n")


def test_a_name_may_not_be_the_mac_of_another_machine() -> None:
    assert refused_keys(spoilt(("name: node1", "name: 00-25-90-c0-f6-ee")))[0] == "nodes[0].name"
    accepted(spoilt(("name: node1", "name: 00-25-90-c0-f7-80")))


@pytest.mark.parametrize("name", ["bootstrapper", "localhost", "api"])
def test_a_name_that_is_kept_for_something_else_is_refused(name: str) -> None:
    assert "is the name of something else" in refusal(spoilt(("name: node1", f"name: {name}")))


# disks


@pytest.mark.parametrize(
    ("disk", "reason"),
    [
        ("/dev/sda1", "a partition"),
        ("/dev/nvme0n1p1", "a partition"),
        ("/dev/mmcblk0p2", "a partition"),
        ("/dev/disk/by-id/ata-DISK_1-part1", "a partition"),
        ("/dev/disk/by-uuid/0b3f", "a partition"),
        ("sda", "not below /dev/"),
        ("/mnt/sda", "not below /dev/"),
        ("/dev/../etc/passwd", "not a device"),
        ("/dev/sda; reboot", "not a device"),
        ("/dev/", "not a device"),
    ],
)
@pytest.mark.parametrize("holder", ["os", "node"])
def test_what_is_no_whole_disk_is_refused_where_it_stands(disk: str, reason: str, holder: str) -> None:
    changed = ("name: node1", f'name: node1, install_disk: "{disk}"')
    if holder == "os":
        changed = ("family: flatcar", f'family: flatcar, install_disk: "{disk}"')
    text = spoilt(changed)
    said = refusal(text)
    key = "os" if holder == "os" else "nodes[0]"
    assert said.startswith(f"{place(text, chr(34) + disk)}: {key}.install_disk: `")
    assert reason in said


@pytest.mark.parametrize(
    "disk",
    [
        "/dev/sda",
        "/dev/vda",
        "/dev/nvme0n1",
        "/dev/nvme10n1",
        "/dev/mmcblk0",
        "/dev/disk/by-id/nvme-DISK_1",
        "/dev/disk/by-path/pci-0000:00:1f.2-ata-1",
    ],
)
def test_whole_disks_pass(disk: str) -> None:
    assert accepted(spoilt(("name: node1", f"name: node1, install_disk: {disk}"))).nodes[0].install_disk == disk


# roles


def test_no_control_plane_is_refused_where_kubernetes_is_asked_for() -> None:
    said = refusal(nodes("etcd, worker"))
    assert "nodes: no node is a control plane" in said


def test_no_etcd_member_is_refused_where_kubernetes_is_asked_for() -> None:
    assert "nodes: no node is an etcd member" in refusal(nodes("control-plane", "worker"))


@pytest.mark.parametrize("count", [2, 4])
def test_an_even_number_of_etcd_members_is_refused(count: int) -> None:
    assert f"nodes: {count} etcd members" in refusal(nodes("control-plane, etcd", *["etcd"] * (count - 1)))


@pytest.mark.parametrize("count", [1, 3, 5])
def test_an_odd_number_of_etcd_members_passes_beside_workers(count: int) -> None:
    desc = accepted(nodes("control-plane, etcd", *["etcd, worker"] * (count - 1)))
    assert all(Role.ETCD in node.roles for node in desc.nodes)


def test_a_fleet_without_kubernetes_needs_neither_but_an_odd_etcd_all_the_same() -> None:
    fleet = nodes("worker").replace("kubernetes: {version: v1.36.2}\n", "")
    accepted(fleet)
    accepted(with_block("nodes", "").replace("kubernetes: {version: v1.36.2}\n", ""))
    even = nodes("etcd", "etcd").replace("kubernetes: {version: v1.36.2}\n", "")
    assert refused_keys(even) == ["nodes"]


def test_a_role_that_stands_twice_is_refused() -> None:
    assert refused_keys(nodes("control-plane, etcd", "worker, worker")) == ["nodes[1].roles[1]"]


# releases


def test_ignition_v3_is_refused_for_a_release_that_does_not_read_it() -> None:
    text = spoilt(("version: current}", "version: 2905.2.6, config: ignition}"))
    said = refusal(text)
    assert said.startswith(f"{place(text, '2905')}: os.version: Ignition v3 needs release 3185.0.0 or newer")
    assert "config: cloud-config" in said


@pytest.mark.parametrize(
    "fields",
    [
        "version: 3510.2.1, config: ignition",
        "version: 3185.0.0, config: ignition",
        "version: 2905.2.6, config: cloud-config",
        "version: 10000.0.0+nightly-1",
    ],
)
def test_releases_that_read_their_config_pass(fields: str) -> None:
    accepted(os(fields))


def test_the_coreos_family_takes_cloud_config_alone() -> None:
    assert refused_keys(os("family: coreos")) == ["os.config"]
    accepted(os("family: coreos, config: cloud-config, update: {reboot_strategy: etcd-lock}"))


def test_etcd_lock_is_for_the_coreos_family_alone() -> None:
    assert refused_keys(os("update: {reboot_strategy: etcd-lock}")) == ["os.update.reboot_strategy"]


@pytest.mark.parametrize("version", ["v1.32.9", "v1.37.0"])
def test_a_kubernetes_that_kboot_does_not_set_up_is_refused(version: str) -> None:
    assert refused_keys(kubernetes(f"version: {version}")) == ["kubernetes.version"]


@pytest.mark.parametrize("version", ["1.36.2", "v1.36", "latest"])
def test_a_kubernetes_version_has_its_syntax(version: str) -> None:
    assert refused_keys(kubernetes(f"version: {version}")) == ["kubernetes.version"]


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("10.10.14.300", "`10.10.14.300` is not an IPv4 address"),
        ("10.10.14", "`10.10.14` is not an IPv4 address"),
        ("k8s.example.com:99999", "`99999` is not a port"),
        ("k8s.example.com:0", "`0` is not a port"),
        ("k8s..example.com", "is not a domain name"),
        ("k8s.example.com.", "is not a host name"),
        ("https://k8s.example.com", "endpoint"),
    ],
)
def test_an_endpoint_that_no_client_could_reach_is_refused_where_it_stands(endpoint: str, reason: str) -> None:
    text = kubernetes(f'version: v1.36.2, api_server: {{endpoint: "{endpoint}"}}')
    assert refused_keys(text) == ["kubernetes.api_server.endpoint"]
    assert reason in refusal(text)


def test_the_only_control_plane_may_be_the_endpoint_by_its_own_name_and_a_worker_may_not() -> None:
    desc = accepted(kubernetes("version: v1.36.2, api_server: {endpoint: node1.ail.example.com}"))
    assert desc.api_endpoint == ("node1.ail.example.com", 6443)
    worker = "version: v1.36.2, api_server: {endpoint: 00-25-90-c0-f6-ee.ail.example.com}"
    assert refused_keys(kubernetes(worker)) == ["nodes[1].name"]


@pytest.mark.parametrize("url", ["http://m.example.com/{chanel}", "http://m.example.com/{", "http://m.example.com/{0}"])
def test_an_unknown_placeholder_of_the_release_url_is_refused(url: str) -> None:
    assert refused_keys(os(f'release_url: "{url}"')) == ["os.release_url"]
    accepted(os('release_url: "http://m.example.com/{channel}/{board}"'))


# pods


def sized(count: int, pod_cidr: str) -> str:
    lines = '  - {mac: "02:00:00:00:00:00", name: n0, roles: [control-plane, etcd]}\n'
    for i in range(1, count):
        lines += f'  - {{mac: "02:00:00:00:{i >> 8:02x}:{i & 255:02x}", name: n{i}, roles: [worker]}}\n'
    text = with_block("nodes", f"nodes:\n{lines}")
    return text.replace("version: v1.36.2", f"version: v1.36.2, pod_cidr: {pod_cidr}")


@pytest.mark.parametrize(
    ("count", "pod_cidr", "blocks"),
    [(6, "10.1.0.0/22", 4), (300, "10.1.0.0/16", 256), (2, "10.1.0.0/24", 1), (1, "10.1.0.0/25", 0)],
)
def test_more_nodes_than_blocks_are_refused_at_the_pod_range(count: int, pod_cidr: str, blocks: int) -> None:
    text = sized(count, pod_cidr)
    assert refused_keys(text) == ["kubernetes.pod_cidr"]
    assert f"{count} nodes, {blocks} blocks of /24" in refusal(text)


@pytest.mark.parametrize(("count", "pod_cidr"), [(6, "10.1.0.0/21"), (256, "10.1.0.0/16"), (1, "10.1.0.0/24")])
def test_as_many_blocks_as_nodes_pass(count: int, pod_cidr: str) -> None:
    accepted(sized(count, pod_cidr))


# times


@pytest.mark.parametrize("cron", ["0 3 31 2 *", "0 3 30 2 *", "0 3 31 4,6,9,11 *", "0 3 30-31 feb *"])
def test_a_schedule_that_never_comes_is_refused(cron: str) -> None:
    text = os(f'update: {{schedule: "{cron}"}}')
    assert refused_keys(text) == ["os.update.schedule"]
    assert "never comes" in refusal(text)


@pytest.mark.parametrize(
    "cron", ["0 3 29 2 *", "0 3 31 2,3 *", "*/5 1-5/2 * jan-mar mon-fri", "0 3 */10 2 *", "0 0 * * 7"]
)
def test_a_schedule_that_comes_at_all_passes(cron: str) -> None:
    assert accepted(os(f'update: {{schedule: "{cron}"}}')).os.update.schedule == cron


def test_a_window_longer_than_a_day_is_refused() -> None:
    assert refused_keys(os('update: {window: {start: "03:00", length: 2d}}')) == ["os.update.window.length"]


# labels and taints


@pytest.mark.parametrize(
    "label",
    [
        '"a b": x',
        '"-a": x',
        "a: -x",
        'a: "x y"',
        f"{'k' * 64}: x",
        f"a: {'v' * 64}",
        '"A.com/x": y',
        '"/x": y',
        "a: ",
    ],
)
def test_a_label_that_kubernetes_refuses_is_refused(label: str) -> None:
    text = spoilt(("roles: [worker]", f"roles: [worker], labels: {{{label}}}"))
    assert all(key.startswith("nodes[1].labels.") for key in refused_keys(text))
    refusal(text)


@pytest.mark.parametrize(
    "label",
    [
        "example.com/rack: r1",
        'empty: ""',
        "topology.kubernetes.io/zone: a",
        "role: ingress",
        "node-role.kubernetes.io/ingress: x",
    ],
)
def test_labels_that_kubernetes_takes_pass(label: str) -> None:
    accepted(spoilt(("roles: [worker]", f"roles: [worker], labels: {{{label}}}")))


@pytest.mark.parametrize("taint", ["db", "db=x", "db:Never", "db=x y:NoSchedule", "=x:NoSchedule", "a:b:NoSchedule"])
def test_a_taint_that_kubernetes_refuses_is_refused(taint: str) -> None:
    assert refused_keys(spoilt(("roles: [worker]", f'roles: [worker], taints: ["{taint}"]'))) == ["nodes[1].taints[0]"]


@pytest.mark.parametrize("taint", ["db=x:NoSchedule", "db:NoExecute", "example.com/db=:PreferNoSchedule"])
def test_taints_that_kubernetes_takes_pass(taint: str) -> None:
    accepted(spoilt(("roles: [worker]", f'roles: [worker], taints: ["{taint}"]')))


def test_the_sample_has_no_problem() -> None:
    accepted(SAMPLE)


@pytest.mark.parametrize(
    ("images", "found"),
    [
        ("{kube-proxy: a/b:1}", "did you mean `kube_proxy`?"),
        ("{grafana: a/b:1}", "no node pulls an image `grafana`"),
        ("{pause: a/b}", "has no tag"),
        ("{pause: 'A b:1'}", "is not an image reference"),
        ("{pause: 'a/b@sha256:1'}", "is not an image reference"),
    ],
)
def test_an_image_that_could_not_be_pulled_is_refused(images: str, found: str) -> None:
    assert found in refusal(with_block("images", f"images: {images}\n"))


def test_images_by_tag_and_by_digest_pass() -> None:
    digest = "sha256:" + "0" * 64
    accepted(with_block("images", f"images: {{pause: 'r.example.com:5000/p:3', etcd: 'e@{digest}'}}\n"))


# unknown machines

JOIN = "unknown_machines: worker\n"


def test_unknown_machines_need_a_cluster_to_join() -> None:
    text = with_block("kubernetes", JOIN)
    where = place(text, "worker\n")
    assert refusal(text).startswith(f"{where}: unknown_machines: `worker` needs `kubernetes`")
    assert refused_keys(text) == ["unknown_machines"]


@pytest.mark.parametrize("mode", ["proxy", "off"])
def test_unknown_machines_need_an_address_that_kboot_gives(mode: str) -> None:
    network = "network: {bootstrapper: 10.10.14.253, subnet: 10.10.14.0/24, dhcp: {mode: MODE}}\n"
    text = with_block("network", network.replace("MODE", f'"{mode}"') + JOIN)
    said = refusal(text)
    assert f"unknown_machines: `worker` needs `dhcp.mode: serve`: with `{mode}`" in said
    assert "unknown_machines" in refused_keys(text)


@pytest.mark.parametrize("key", ["kubernetes", "network"])
def test_a_fault_beside_it_is_no_fault_of_unknown_machines(key: str) -> None:
    keys = refused_keys(with_block(key, f"{key}: nonsense\n" + JOIN))
    assert key in keys
    assert "unknown_machines" not in keys


def test_unknown_machines_may_become_workers() -> None:
    assert accepted(SAMPLE + JOIN).lets_machines_join
    assert not accepted(SAMPLE).lets_machines_join
