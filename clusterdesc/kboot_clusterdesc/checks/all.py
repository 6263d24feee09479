"""The list of all checks, and one run of them over a description."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from ..model import ClusterDesc
from ..problem import Problem
from ..source import Tree
from .addresses import check_macs, check_network, check_nodes, check_range, check_ranges_apart
from .boot import check_arch, check_kernel_args, check_loaders
from .control_planes import check_control_planes, check_endpoint
from .disks import check_disks
from .hosts import check_domains, check_hosts
from .images import check_image_places, check_images
from .labels import check_labels, check_taints
from .link_addresses import check_link_addresses
from .links import check_cards, check_links
from .names import check_names
from .pods import check_pods
from .quorum import check_quorum, check_roles
from .racks import check_racks
from .receivers import check_receivers
from .registry import check_registry
from .schedule import check_schedule, check_window
from .site_addresses import check_kept_ranges, check_servers, check_site_addresses
from .unknown_machines import check_ignored, check_unknown_machines
from .urls import check_urls
from .versions import check_kubernetes_version, check_os

Check = Callable[[ClusterDesc, Tree], Iterator[Problem]]

CHECKS: tuple[Check, ...] = (
    check_network,
    check_range,
    check_nodes,
    check_control_planes,
    check_endpoint,
    check_macs,
    check_ranges_apart,
    check_kept_ranges,
    check_site_addresses,
    check_servers,
    check_urls,
    check_links,
    check_cards,
    check_link_addresses,
    check_names,
    check_hosts,
    check_domains,
    check_disks,
    check_arch,
    check_loaders,
    check_kernel_args,
    check_racks,
    check_labels,
    check_taints,
    check_registry,
    check_images,
    check_image_places,
    check_roles,
    check_os,
    check_kubernetes_version,
    check_pods,
    check_unknown_machines,
    check_ignored,
    check_receivers,
    check_schedule,
    check_window,
)
COUNTING_CHECKS: tuple[Check, ...] = (check_quorum,)


def problems_of(desc: ClusterDesc, tree: Tree, broken: Collection[str] = (), *, counted: bool = True) -> list[Problem]:
    """Return all problems of `desc` but for those that follow from a stand-in.

    `broken` names the keys that stand-ins fill. Without `counted` no check counts nodes, since one may be missing.
    """
    checks = CHECKS + COUNTING_CHECKS if counted else CHECKS
    found = [problem for check in checks for problem in check(desc, tree)]
    return [problem for problem in found if not _follows_from(problem, broken)]


def _follows_from(problem: Problem, broken: Collection[str]) -> bool:
    """Whether the problem's key is broken, or one of the keys it follows from, or a part of one."""
    return any(
        _is_within(problem.key, key) or any(_is_within(given, key) or _is_within(key, given) for given in problem.given)
        for key in broken
    )


def _is_within(key: str, holder: str) -> bool:
    return key == holder or key.startswith((f"{holder}.", f"{holder}["))
