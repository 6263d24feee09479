"""Convert old descriptions of k8sp/sextant into descriptions of kboot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise

from kboot_clusterdesc.load import load_text
from kboot_clusterdesc.model import Kubernetes
from kboot_clusterdesc.os_release import IGNITION_V3_SINCE, release_number
from kboot_clusterdesc.problem import InvalidDescription, Place, Problem
from kboot_clusterdesc.source import Mapping, Scalar, Sequence, read_tree
from kboot_clusterdesc.yaml_writer import dump_data

from .drops import reason_for
from .form import Form, form_of

Fields = dict[str, object]

_YES = frozenset({"y", "yes", "true", "on"})
_NO = frozenset({"n", "no", "false", "off", ""})
# What every cluster of sextant had, though its description has no key for it.
_SERVICES, _CLUSTER_DNS, _PODS = "10.100.0.0/24", "10.100.0.10", "10.1.0.0/16"
_TIMEZONE, _DISK, _LEASE = "Asia/Shanghai", "/dev/sda", "24h"


@dataclass(frozen=True, slots=True)
class Converted:
    """The result of a conversion: a description that validates, and what the operator should know about it."""

    form: str
    description_text: str
    dropped: list[tuple[str, str]]  # key, why
    notes: list[str]


def convert(text: str, file: str) -> Converted:
    """Return what the old description `text` converts to; raise InvalidDescription, placed in `file`, if it cannot."""
    tree, problems = read_tree(text.encode("utf-8", "surrogatepass"), file)
    try:
        form = form_of(tree)
    except InvalidDescription as error:
        raise InvalidDescription([*problems, *error.problems]) from error
    if problems or not isinstance(tree, Mapping):
        raise InvalidDescription(problems)
    old = _Old(tree, problems=problems)
    fields = _description(old)
    _drop_rest(old)
    if old.problems:
        raise InvalidDescription(old.problems)
    description_text = _written(fields, form, file, old)
    try:
        load_text(description_text, file)
    except InvalidDescription as error:
        raise InvalidDescription(_placed(problem, old, file) for problem in error.problems) from error
    return Converted(str(form), description_text, old.dropped, old.notes)


@dataclass(slots=True)
class _Old:
    """An old description or a part of it, with a record of the keys read and of what became of them."""

    tree: Mapping
    prefix: str = ""
    used: set[str] = field(default_factory=set)
    dropped: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)  # by key of the new description: the place in the old one

    def part(self, tree: Mapping, prefix: str) -> _Old:
        """Return the mapping `tree` within this description, which records into the lists of the whole."""
        return _Old(tree, prefix, set(), self.dropped, self.notes, self.problems, self.places)

    def text(self, key: str, new: str = "", default: str = "") -> str:
        """Return the text at `key`, else `default`; `new` is the key that it becomes."""
        self.used.add(key)
        item = self.tree.items.get(key)
        if item is None or (isinstance(item, Scalar) and not item.text):
            return default
        self.places[new or key] = item.place
        if not isinstance(item, Scalar) or item.text is None:
            self.refuse(key, "must be a single value", "mend the indentation")
            return default
        return item.text.strip()

    def texts(self, key: str, new: str = "") -> list[str]:
        """Return the list at `key`, or a single value as a list of one; `new` is the key that it becomes."""
        self.used.add(key)
        item = self.tree.items.get(key)
        if item is None:
            return []
        self.places[new or key] = item.place
        items = item.items if isinstance(item, Sequence) else [item]
        if not all(isinstance(one, Scalar) for one in items):
            self.refuse(key, "must be a list of single values", "mend the indentation")
        return [one.text.strip() for one in items if isinstance(one, Scalar) and one.text]

    def is_yes(self, key: str, default: bool = False) -> bool:
        """Whether `key` says y, yes, true or on, quoted or not."""
        word = self.text(key).lower()
        if key not in self.tree.items or not word:
            return default
        if word not in _YES | _NO:
            self.refuse(key, "is neither y nor n", "write y or n")
        return word in _YES

    def refuse(self, key: str, message: str, hint: str) -> None:
        """Report a fault of the old file, at the value of `key`."""
        item = self.tree.items.get(key)
        place = item.place if item is not None else self.tree.place
        self.problems.append(Problem(place, f"{self.prefix}{key}", message, hint))


def _description(old: _Old) -> Fields:
    domain = old.text("domainname", "cluster.domain") or old.text("domain_name", "cluster.domain")
    key = "domain_name" if "domain_name" in old.tree.items else "domainname"
    if not domain:
        old.refuse(key, "is missing", "add the DNS domain of the machines, such as `domainname: lab.example.com`")
    elif _address(domain):
        old.refuse(key, f"`{domain}` is an address, not a domain", "write a name, such as lab.example.com")
    name = domain.partition(".")[0].lower() or "cluster"
    old.notes.append(f"the cluster is called `{name}` after its domain: change cluster.name if you like")
    served = old.is_yes("start_pxe", default=True)
    fields: Fields = {
        "apiVersion": "kboot/v1",
        "cluster": {"name": name, "domain": domain},
        "network": _network(old, domain, served),
        "os": _os(old),
        "kubernetes": _kubernetes(old),
        "registry": {"domain": old.text("dockerdomain", "registry.domain", "bootstrapper"), "port": 5000},
        "ssh_authorized_keys": _ssh_keys(old),
        "unknown_machines": "worker" if served else "ignore",
        "nodes": _nodes(old),
    }
    old.notes.append(
        "unknown_machines is `worker`, as it was: any machine that boots from the network is installed. "
        "`ignore` leaves machines alone that are not declared"
        if served
        else "unknown_machines is `ignore`: kboot lets no machine in whose address it does not give itself"
    )
    return fields


def _network(old: _Old, domain: str, served: bool) -> Fields:
    bootstrapper = old.text("bootstrapper", "network.bootstrapper")
    subnet = _subnet(old)
    nameservers = old.texts("nameservers", "network.nameservers")
    outside = [a for a in nameservers if subnet and _address(a) and _address(a) not in subnet]
    inside = [address for address in nameservers if address not in outside]
    upstream = list(dict.fromkeys([*old.texts("upstreamnameservers", "network.upstream_dns"), *outside]))
    routers = old.texts("routers", "network.routers")
    if outside:
        old.notes.append(f"{', '.join(outside)}: outside the subnet, so moved from nameservers to upstream_dns")
    others = [address for address in inside if address != bootstrapper]
    if others:
        old.notes.append(
            f"machines ask {', '.join(others)} for names, which must know those of this cluster: "
            "leave network.nameservers out to let them ask the bootstrapper"
        )
    network: Fields = {"bootstrapper": bootstrapper, "subnet": str(subnet or "")}
    network["dhcp"] = _dhcp(old, served, [bootstrapper, *routers, *inside])
    network |= {"routers": routers, "nameservers": inside, "upstream_dns": upstream}
    register = old.text("register", "network.hosts")
    if register:
        network["hosts"] = {f"register.{domain}": register}
        old.notes.append(f"`register` became the DNS record register.{domain}")
    return {key: value for key, value in network.items() if value != []}


def _subnet(old: _Old) -> IPv4Network | None:
    base, mask = old.text("subnet", "network.subnet"), old.text("netmask", "network.subnet")
    broadcast = old.text("broadcast")
    try:
        subnet = IPv4Network(f"{base or old.text('bootstrapper')}/{mask}", strict=False)
    except ValueError:
        old.refuse(
            "netmask",
            f"`{base}` with `{mask}` is no subnet",
            "write both as addresses: 10.10.14.0, 255.255.255.0",
        )
        return None
    if base and base != str(subnet.network_address):
        old.notes.append(f"subnet {base} with netmask {mask} became {subnet}")
    if broadcast and broadcast != str(subnet.broadcast_address):
        old.refuse(
            "broadcast",
            f"`{broadcast}` is not the broadcast address of {subnet}, which is {subnet.broadcast_address}",
            "mend `broadcast`, `subnet` or `netmask`",
        )
    if broadcast:
        old.dropped.append(("broadcast", reason_for("broadcast")))
    return subnet


def _dhcp(old: _Old, served: bool, reserved: list[str]) -> Fields:
    first, last = old.text("iplow", "network.dhcp.range"), old.text("iphigh", "network.dhcp.range")
    lease = old.text("lease", "network.dhcp.lease", _LEASE)
    if not served:
        why = "with `start_pxe: n` the site's own server hands out addresses"
        old.dropped += [(key, why) for key in ("iplow", "iphigh", "lease") if key in old.tree.items]
        old.notes.append(
            "`start_pxe: n` became `dhcp.mode: off`: give each node the `ip` that the site gives it, "
            "a machine gets its configuration at that address alone"
        )
        return {"mode": "off"}
    low, high = _address(first), _address(last)
    if low and high and low <= high:
        cut = _cut(low, high, [a for a in map(_address, reserved) if a])
        if cut != (low, high):
            old.notes.append(f"the pool {low} to {high} held addresses in use, it was cut to {cut[0]} to {cut[1]}")
        first, last = str(cut[0]), str(cut[1])
    return {"mode": "serve", "range": [first, last], "lease": lease}


def _cut(low: IPv4Address, high: IPv4Address, reserved: list[IPv4Address]) -> tuple[IPv4Address, IPv4Address]:
    """Return the longest stretch of addresses without any of `reserved`; the whole if nothing would be left."""
    walls = [int(low) - 1, *sorted({int(a) for a in reserved if low <= a <= high}), int(high) + 1]
    gaps = [(b - a - 1, a + 1, b - 1) for a, b in pairwise(walls) if b - a > 1]
    if not gaps:
        return low, high
    _, first, last = max(gaps, key=lambda gap: gap[0])
    return IPv4Address(first), IPv4Address(last)


def _os(old: _Old) -> Fields:
    if old.text("os_name").lower() == "centos":
        old.notes.append("the machines ran CentOS; kboot installs Flatcar on them")
    else:
        old.notes.append("CoreOS Container Linux has ended; its successor Flatcar is installed")
    version = old.text("coreos_version", "os.version", "current")
    if version != "current" and not _is_kept(version):
        old.notes.append(f"release {version} has no successor of its number: os.version is `current`")
        version = "current"
    old.notes.append(f"timezone {_TIMEZONE} and install_disk {_DISK} had no key, they were so on every machine")
    return {
        "family": "flatcar",
        "channel": old.text("coreos_channel", "os.channel", "stable"),
        "version": version,
        "install_disk": _DISK,
        "timezone": _TIMEZONE,
        "update": _update(old),
    }


def _is_kept(version: str) -> bool:
    try:
        return release_number(version) >= IGNITION_V3_SINCE
    except ValueError:
        return False


def _update(old: _Old) -> Fields:
    tree = old.tree.items.get("coreos")
    old.used.add("coreos")
    if not (tree is None or isinstance(tree, Mapping) or (isinstance(tree, Scalar) and tree.text is None)):
        old.refuse("coreos", "must be a mapping of keys to values", "write `coreos: {reboot_strategy: off}`")
    coreos = old.part(tree if isinstance(tree, Mapping) else Mapping(old.tree.place), "coreos.")
    strategy = coreos.text("reboot_strategy", "os.update.reboot_strategy", "etcd-lock")
    start, length = (
        coreos.text("start_time", "os.update.window"),
        coreos.text("time_length", "os.update.window"),
    )
    switches = [
        part.is_yes(key)
        for part, key in ((coreos, "os_update"), (coreos, "coreos_update"), (old, "coreos_update"))
        if key in part.tree.items
    ]
    _drop_rest(coreos)
    if strategy in ("etcd-lock", "best-effort"):
        if "reboot_strategy" in coreos.tree.items:
            old.notes.append(f"reboot_strategy {strategy} became rollout")
        strategy = "rollout"
    update: Fields = {"enabled": all(switches), "reboot_strategy": strategy}
    if start and length:
        update["window"] = {"start": start, "length": length}
    return update


def _kubernetes(old: _Old) -> Fields:
    services = old.text("k8s_service_cluster_ip_range", "kubernetes.service_cidr", _SERVICES)
    dns = old.text("k8s_cluster_dns", "kubernetes.dns_service_ip", _CLUSTER_DNS)
    backend = old.text("flannel_backend", "kubernetes.cni.backend", "vxlan")
    if backend == "udp":
        old.notes.append("flannel_backend udp is gone, it became vxlan")
        backend = "vxlan"
    cni: Fields = {"name": "flannel", "backend": backend}
    interface = _interface(old)
    if interface:
        cni["interface"] = interface
    version = Kubernetes().version
    old.notes.append(f"kubernetes.version is {version}: the old one cannot be kept, its data neither")
    kubernetes: Fields = {
        "version": version,
        "service_cidr": services,
        "pod_cidr": _PODS,
        "dns_service_ip": dns,
    }
    kubernetes["cni"] = cni
    names = old.texts("kube_master_dns", "kubernetes.api_server.names")
    addresses = _master_addresses(old, services)
    if names or addresses:
        kubernetes["api_server"] = {"names": names, "addresses": addresses}
    return kubernetes


def _master_addresses(old: _Old, services: str) -> list[str]:
    """Return the API server's addresses without those of the service range, as kboot adds its own."""
    addresses = old.texts("kube_master_ip", "kubernetes.api_server.addresses")
    try:
        services_range = IPv4Network(services)
    except ValueError:
        return addresses
    kept = [a for a in addresses if (_address(a) or IPv4Address(0)) not in services_range]
    if kept:
        old.notes.append(f"api_server.addresses holds {', '.join(kept)} of kube_master_ip: are they of this site?")
    return kept


def _interface(old: _Old) -> str:
    """Return the interface that flannel uses, empty if nodes name different ones or none."""
    nodes = list(_node_parts(old))
    found = {node.text("flannel_iface", "kubernetes.cni.interface") for node in nodes}
    if len(found) > 1:
        old.dropped.append(("nodes[].flannel_iface", "kubernetes.cni.interface is one for all nodes, these differ"))
        return ""
    return found.pop() if found else ""


def _ssh_keys(old: _Old) -> list[str]:
    """Return the ssh keys, from a YAML list, or from a text whose lines begin with dashes as in old descriptions."""
    lines = [line for text in old.texts("ssh_authorized_keys") for line in text.splitlines()]
    keys = []
    for line in lines:
        key = line.strip().removeprefix("-").strip().strip("\"'").strip()
        if key.startswith("<") and key.endswith(">"):
            old.refuse(
                "ssh_authorized_keys",
                f"`{key[:40]}` is a blank of a template",
                "put a public ssh key in its place",
            )
        elif key:
            keys.append(key)
    if not lines:
        old.notes.append("there is no ssh key: nobody can log in to the machines")
    return keys


def _nodes(old: _Old) -> list[Fields]:
    nodes = []
    for i, node in enumerate(_node_parts(old)):
        here = f"nodes[{i}]"
        old.places[here] = node.tree.place
        fields: Fields = {"mac": node.text("mac", f"{here}.mac")}
        name = node.text("cur_host_name", f"{here}.name")
        address = node.text("ip", f"{here}.ip")
        fields |= {"name": name} if name else {}
        fields |= {"ip": address} if address else {}
        leads, votes = node.is_yes("kube_master"), node.is_yes("etcd_member")
        roles = ["control-plane"] * leads + ["etcd"] * votes + ["worker"] * (not leads)
        fields["roles"] = roles
        if node.is_yes("ingress_label") or node.is_yes("ingress"):
            fields["labels"] = {"role": "ingress"}
        node.used |= {"ingress_label", "ingress", "flannel_iface"}
        _drop_rest(node)
        nodes.append(fields)
    return nodes


def _node_parts(old: _Old) -> Iterator[_Old]:
    old.used.add("nodes")
    nodes = old.tree.items.get("nodes")
    for node in nodes.items if isinstance(nodes, Sequence) else ():
        if isinstance(node, Mapping):
            yield old.part(node, "nodes[].")
        elif not any(problem.place == node.place for problem in old.problems):
            old.problems.append(Problem(node.place, "nodes", "a node is a mapping", 'write `- mac: "..."`'))


def _drop_rest(old: _Old) -> None:
    """Record each key that was not read as dropped, once."""
    for key, item in old.tree.items.items():
        if key in old.used:
            continue
        inner = list(item.items) if isinstance(item, Mapping) else []
        for name in [f"{old.prefix}{key}.{k}" for k in inner] or [f"{old.prefix}{key}"]:
            if name not in [dropped for dropped, _ in old.dropped]:
                old.dropped.append((name, reason_for(name)))


def _written(fields: Fields, form: Form, file: str, old: _Old) -> str:
    """Return the description as text; the comment at its top has the notes and the dropped keys."""
    lines = [f"Converted by `kboot convert` from {file}, form {form}", ""]
    lines += [*(f"- {note}" for note in old.notes), ""]
    lines += [f"Not carried over, {key}: {why}" for key, why in old.dropped]
    head = "".join(f"# {' '.join(line.split())}".rstrip() + "\n" for line in lines)
    return head + "\n" + "\n".join(dump_data({key: value}) for key, value in fields.items())


def _placed(problem: Problem, old: _Old, file: str) -> Problem:
    """Return a problem of the new description, moved to the place in the old one where its value came from."""
    key = problem.key
    while key and key not in old.places:
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    place = old.places.get(key, Place(file, 1, 1))
    return Problem(place, problem.key, problem.message, problem.hint)


def _address(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except ValueError:
        return None
