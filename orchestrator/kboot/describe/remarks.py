"""Remarks on a sound description: what has no effect, what is risky, and what was probably forgotten."""

from __future__ import annotations

from collections.abc import Iterator

from kboot_clusterdesc import ClusterDesc, DhcpMode, Node, Role
from kboot_clusterdesc.links import BOOT
from kboot_clusterdesc.model import POD_BLOCK_PREFIX, RebootStrategy
from kboot_clusterdesc.problem import dotted
from kboot_clusterdesc.site_addresses import asked_by_few, cluster_ranges, is_within
from kboot_clusterdesc.update_payload import payload_names

from ..render.dhcp import kept_addresses

_EXAMPLE_KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIE9ubHlBbkV4YW1wbGUuUHV0WW91cktleUluSXRzUGxh"  # README.md has it
_MAC_LENGTH = len("00:25:90:c0:f7:80")


def remarks(desc: ClusterDesc) -> Iterator[str]:
    """Yield each remark on `desc` as a sentence for people; no remark is a fault."""
    if desc.lets_machines_join:
        over = desc.os.wipe or (desc.os.install_disk or "").startswith("/")
        disk = "whatever is on its disk" if over else "where its disk is empty"
        yield f"unknown_machines: with `worker`, every machine that boots is installed, {disk}, and joins the cluster"
    if any(_EXAMPLE_KEY in key for key in desc.ssh_authorized_keys):
        yield "ssh_authorized_keys: has the key of the documents' example, which nobody holds: put your own there"
    if not desc.ssh_authorized_keys:
        yield "ssh_authorized_keys: is empty: there will be no way to log in to an installed machine"
    if desc.network.dhcp.mode is DhcpMode.OFF:
        for node in desc.nodes:
            if node.ip is None:
                yield f"{node.name}: has no `ip`: with `mode: off` kboot cannot know it, and will not install it"
    yield from _updates(desc)
    yield from _small_range(desc)
    yield from _small_pod_range(desc)
    yield from _kept_addresses(desc)
    yield from _leased_members(desc)
    yield from _lone_endpoint(desc)
    yield from _cluster_ranges(desc)
    yield from _names_of_services(desc)
    if not desc.nodes:
        yield "nodes: is empty: no machine will be installed"


def _updates(desc: ClusterDesc) -> Iterator[str]:
    """Yield a remark on each key of updates that another one leaves without effect."""
    update = desc.os.update
    if not update.enabled:
        for key in sorted({"reboot_strategy", "window", "extensions"} & update.model_fields_set):
            yield f"os.update.{key}: has no effect: with `enabled: false` no machine is updated"
    elif update.window is not None and update.reboot_strategy is RebootStrategy.OFF:
        yield 'os.update.window: has no effect: with `reboot_strategy: "off"` no machine reboots by itself'
    elif update.enabled and not payload_names(desc.os):
        yield (
            f"os.update: brings newer releases for installs alone: nobody publishes update payloads of the "
            f"{desc.os.family} family, and no `payload_key` names whose they are"
        )
    if update.enabled and update.reboot_strategy is RebootStrategy.ETCD_LOCK:
        for node in desc.nodes:
            if Role.ETCD not in node.roles:
                yield f"{node.name}: is no etcd member, so it has no key to the lock: it never reboots by itself"


def _small_range(desc: ClusterDesc) -> Iterator[str]:
    """Yield a remark where fewer addresses can be handed out than cards are known to ask for one."""
    pool = desc.network.dhcp.range
    if desc.network.dhcp.mode is not DhcpMode.SERVE or pool is None:
        return
    size = int(pool.last) - int(pool.first) + 1
    nodes = sum((node.ip is None or node.ip in pool) + _other_cards(desc, node) for node in desc.nodes)
    ignored = sum(1 if len(each) == _MAC_LENGTH else len(desc.nodes) for each in desc.ignore)
    if nodes + ignored > size:
        yield (
            f"network.dhcp.range: has {size} addresses, and {nodes + ignored} cards will ask for one: {nodes} of nodes "
            f"and {ignored} of `ignore` (a beginning of MACs counts once for each node): make the range larger"
        )


def _small_pod_range(desc: ClusterDesc) -> Iterator[str]:
    """Yield a remark where more machines may join than the pod range has blocks."""
    pool = desc.network.dhcp.range
    if desc.kubernetes is None or pool is None or not desc.lets_machines_join:
        return
    blocks = 1 << max(0, POD_BLOCK_PREFIX - desc.kubernetes.pod_cidr.prefixlen)
    leased = sum(node.ip is None or node.ip in pool for node in desc.nodes)
    joining = int(pool.last) - int(pool.first) + 1 - leased
    if len(desc.nodes) + joining > blocks:
        yield (
            f"kubernetes.pod_cidr: has {blocks} blocks of /{POD_BLOCK_PREFIX}, one for each node, and {joining} "
            f"machines may join the {len(desc.nodes)} of the description: "
            "those beyond have no pods; take a larger range"
        )


def _kept_addresses(desc: ClusterDesc) -> Iterator[str]:
    """Yield a remark where addresses of the range are somebody's by name, which may be a leased machine."""
    kept = kept_addresses(desc) if desc.network.dhcp.mode is DhcpMode.SERVE else []
    if kept:
        yield (
            "network.dhcp.range: addresses in it are named by `network.hosts` or `kubernetes.api_server.addresses` "
            f"and leased to nobody ({', '.join(map(str, kept[:8]))}): a machine that has one by lease loses it; "
            "a node's own address is its `ip`"
        )


def _other_cards(desc: ClusterDesc, node: Node) -> int:
    """Return how many cards of a node ask beside the first: in the OS in memory each one of the boot network does."""
    bonded = {name for bond in desc.links_of(node).bonds if BOOT in bond.members for name in bond.members}
    return len({*node.more_macs, *(mac for name, mac in node.cards.items() if name in bonded)})


def _leased_members(desc: ClusterDesc) -> Iterator[str]:
    """Yield a remark where members of etcd can find each other by name alone."""
    members = desc.etcd_members
    leased = [node.name for node in members if node.ip is None]
    if leased and len(members) > 1:
        yield (
            f"nodes: {len(leased)} of {len(members)} etcd members have no `ip` ({', '.join(leased[:8])}): only the "
            "bootstrapper's DNS knows where they are, and etcd does not start without it"
        )


def _lone_endpoint(desc: ClusterDesc) -> Iterator[str]:
    """Yield a remark where the endpoint is one of several control planes, so that the others stand in for nothing."""
    host, _ = desc.api_endpoint
    servers = desc.control_planes
    for node in servers if desc.kubernetes is not None and len(servers) > 1 else ():
        if host in (str(node.ip), f"{node.name}.{desc.cluster.domain}"):
            yield (
                f"kubernetes.api_server.endpoint: is `{node.name}` alone: without that machine no node reaches any of "
                f"the {len(servers)} control planes; left out, `api.{desc.cluster.domain}` is all of them"
            )


def _cluster_ranges(desc: ClusterDesc) -> Iterator[str]:
    """Yield a remark on each address of the site that pods could not reach, and on ranges that others own."""
    for key, addresses in cluster_ranges(desc).items():
        if addresses.is_global:
            yield f"{key}: {addresses} are public addresses: machines and pods will not reach who has them"
        for path, address in asked_by_few(desc):
            if address in addresses:
                yield f"{dotted(path)}: {address} lies in {key} ({addresses}): no machine and no pod will reach it"


def _names_of_services(desc: ClusterDesc) -> Iterator[str]:
    """Yield a remark on each name that lies in the domain of services, where CoreDNS knows services alone."""
    if desc.kubernetes is None:
        return
    domain, endpoint = desc.kubernetes.dns_domain, desc.kubernetes.api_server.endpoint
    named = [(f"network.hosts.{name}", name) for name in desc.network.hosts]
    named += [("kubernetes.api_server.endpoint", desc.api_endpoint[0])] if endpoint else []
    for key, name in named:
        if is_within(name, domain):
            yield f"{key}: `{name}` lies in kubernetes.dns_domain (`{domain}`): no pod will find it"
