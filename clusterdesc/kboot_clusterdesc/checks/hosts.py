"""Rules for DNS: each name once, however it is spelt, none that is the cluster's own, and each domain of one server."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from ..model import ClusterDesc
from ..problem import Problem, Steps, dotted
from ..site_addresses import is_within
from ..source import Mapping, Tree, key_place, place_of
from ..types import domain_name

_Owner = tuple[IPv4Address | None, str, tuple[str, ...]]  # an address, whose it is, and the keys it comes from


def check_hosts(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each record whose name stands there already, in other letters, or is taken."""
    first: dict[str, str] = {}
    own = _own_names(desc)
    for written in _written(tree):
        path: Steps = ("network", "hosts", written)
        try:
            name = domain_name(written)
        except ValueError:
            continue  # it is refused as none
        address = desc.network.hosts.get(name)
        given: tuple[str, ...] = ()
        if first.setdefault(name, written) != written:
            message, hint = f"is the name `{first[name]}` again, the letters differ alone", "remove one of the two"
        elif name in own and own[name][0] != address:
            _, whose, given = own[name]
            message, hint = f"is the name of {whose}", "take another name"
        elif _is_short_endpoint(desc, name):
            full, given = desc.api_endpoint[0], ("kubernetes.api_server.endpoint", "cluster.domain")
            message = f"would be one more address of `{full}`, the name of the API server"
            hint = f"write `{full}: {address}` if a balancer has that address, else take another name"
        else:
            continue
        yield Problem(key_place(tree, path), dotted(path), message, hint, given)


def check_domains(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem where names of machines lie in the domain of Services, for which pods ask CoreDNS alone."""
    if desc.kubernetes is None:
        return
    domain, services = desc.cluster.domain, desc.kubernetes.dns_domain
    if is_within(domain, services):
        path: Steps = ("kubernetes", "dns_domain")
        message = f"`{services}` is the domain of Services, and machines are called so ({domain}): no pod finds them"
        hint = "take another `cluster.domain`, such as lab.example.com, or another `dns_domain`"
        yield Problem(place_of(tree, path), dotted(path), message, hint, ("cluster.domain",))


def _written(tree: Tree) -> list[str]:
    """Return the names as they are written: two of them may be read as one."""
    here: Tree | None = tree
    for key in ("network", "hosts"):
        here = here.items.get(key) if isinstance(here, Mapping) else None
    return list(here.items) if isinstance(here, Mapping) else []


def _own_names(desc: ClusterDesc) -> dict[str, _Owner]:
    """Return each name that has its address from elsewhere: that address, whose it is, and the keys it comes from.

    The names of nodes are judged where the nodes are.
    """
    bootstrapper, given = desc.network.bootstrapper, ("network.bootstrapper",)
    registry: _Owner = (bootstrapper, "the registry, which is the bootstrapper", (*given, "registry.domain"))
    own: dict[str, _Owner] = {desc.registry.domain: registry}
    if "." not in desc.registry.domain:  # dnsmasq adds the cluster's domain
        own[f"{desc.registry.domain}.{desc.cluster.domain}"] = registry
    own["bootstrapper"] = (bootstrapper, "the bootstrapper", given)
    own[f"bootstrapper.{desc.cluster.domain}"] = (bootstrapper, "the bootstrapper", (*given, "cluster.domain"))
    return own | {"localhost": (None, "each machine itself", ())}


def _is_short_endpoint(desc: ClusterDesc, name: str) -> bool:
    """Whether a record without a domain stands for the endpoint as well: dnsmasq gives it the cluster's."""
    return desc.kubernetes is not None and f"{name}.{desc.cluster.domain}" == desc.api_endpoint[0]
