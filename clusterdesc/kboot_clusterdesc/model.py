"""The cluster description as a value: the shape and default of each key. Rules between keys are in `checks/`."""

from __future__ import annotations

import operator
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Self

from pydantic import BeforeValidator, Field, model_validator
from typing_extensions import Annotated  # noqa: UP035 - pydantic reads this one on every Python

from .dhcp import Dhcp as Dhcp
from .dhcp import DhcpMode as DhcpMode
from .image_registry import ImageRegistry
from .kernel_line import KernelLine
from .kubernetes import ApiServer, Cni, Reserved
from .links import BOOT, Links
from .loader import Loader
from .log_line import LogLevel
from .notify import Receiver
from .os_family import Family
from .part import Part
from .rack_place import RackPlace
from .released_images import RELEASED
from .site_proxy import SiteProxy
from .types import (
    Cron,
    Domain,
    Duration,
    HostName,
    LinkAddress,
    LinkName,
    Mac,
    MacOrPrefix,
    OsVersion,
    SshKey,
    TimeOfDay,
    YesNo,
)

API_PORT = 6443  # on each control plane
ETCD_PORT = 2379  # on each member, for its clients
ETCD_QUOTA_BYTES = 4 << 30  # of a member's database: at that etcd takes no more writes
POD_BLOCK_PREFIX = 24  # of a node's part of `pod_cidr`: kube-controller-manager's default, and flannel's SubnetLen


Extension = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")]


def _images(value: object) -> object:
    """Return `value` without the known images that have no reference, since a key without a value counts as absent."""
    if not isinstance(value, dict):
        return value
    return {key: item for key, item in value.items() if item is not None or key not in RELEASED}


class Role(StrEnum):
    """A part that a node plays in the cluster; a node may have several."""

    CONTROL_PLANE = "control-plane"
    ETCD = "etcd"
    WORKER = "worker"


class ConfigDialect(StrEnum):
    """The format of a node config: Ignition or cloud-config."""

    IGNITION = "ignition"
    CLOUD_CONFIG = "cloud-config"


class RebootStrategy(StrEnum):
    """How a machine reboots into an OS release that it has downloaded."""

    ROLLOUT = "rollout"
    REBOOT = "reboot"
    OFF = "off"
    ETCD_LOCK = "etcd-lock"


class Timing(StrEnum):
    """How long etcd and the parts of Kubernetes wait for each other: `slow` is for slow machines or disks."""

    NORMAL = "normal"
    SLOW = "slow"


class UnknownMachines(StrEnum):
    """What kboot does with an undeclared machine that boots: list it only, or install it as a worker."""

    IGNORE = "ignore"
    WORKER = "worker"


class Cluster(Part):
    name: HostName
    domain: Domain


class Network(Part):
    bootstrapper: IPv4Address
    subnet: IPv4Network
    interface: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,15}$")
    dhcp: Dhcp = Dhcp()
    routers: tuple[IPv4Address, ...] = ()
    nameservers: tuple[IPv4Address, ...] = ()
    upstream_dns: tuple[IPv4Address, ...] = ()
    ntp: tuple[IPv4Address, ...] = ()
    hosts: dict[Domain, IPv4Address] = Field(default_factory=dict)
    links: Links | None = None
    proxy: SiteProxy | None = Field(default=None, exclude_if=operator.not_)


CheckUrl = Annotated[str, Field(pattern=r"^https?://[^\s/]+(/\S*)?$", max_length=500)]


class Window(Part):
    start: TimeOfDay
    length: Duration


class Update(Part):
    enabled: YesNo = True
    schedule: Cron = "0 3 * * *"
    keep: int = Field(default=2, ge=1, le=20)
    reboot_strategy: RebootStrategy = RebootStrategy.ROLLOUT
    window: Window | None = None
    max_parallel: int = Field(default=1, ge=1, le=100, exclude_if=lambda number: number == 1)
    checks: tuple[CheckUrl, ...] = Field(default=(), max_length=20, exclude_if=operator.not_)
    payload_url: str | None = Field(default=None, pattern=r"^https?://[^\s/]+(/\S*)?$")
    payload_key: str | None = None
    extensions: tuple[Extension, ...] = Field(default=(), exclude_if=operator.not_)


class Os(KernelLine):
    family: Family = Family.FLATCAR
    channel: str = Field(default="stable", pattern=r"^[a-z][a-z0-9-]{0,30}$")
    version: OsVersion = "current"
    arch: str = Field(default="amd64", pattern=r"^(amd64|arm64)$")
    release_url: str | None = Field(default=None, pattern=r"^https?://[^\s/]+(/\S*)?$")
    release_key: str | None = None
    release_ca: str | None = None
    install_disk: str | None = None
    wipe: YesNo = False
    config: ConfigDialect = ConfigDialect.IGNITION
    timezone: str = Field(default="UTC", pattern=r"^[A-Za-z0-9_+/-]{1,64}$")
    extra: str | None = None
    update: Update = Update()

    @property
    def board(self) -> str:
        """The directory of the architecture on a release server, such as `amd64-usr`."""
        return f"{self.arch}-usr"


class Kubernetes(Part):
    version: str = Field(default="v1.36.2", pattern=r"^v1\.[0-9]{1,3}\.[0-9]{1,3}$")
    service_cidr: IPv4Network = IPv4Network("10.100.0.0/16")
    pod_cidr: IPv4Network = IPv4Network("10.1.0.0/16")
    dns_service_ip: IPv4Address | None = None
    dns_domain: Domain = "cluster.local"
    cni: Cni = Cni()
    api_server: ApiServer = ApiServer()
    reserved: Reserved = Reserved()
    manifests: tuple[str, ...] = ()

    @property
    def dns_address(self) -> IPv4Address:
        """The address of cluster DNS: as declared, else the tenth of the service range."""
        return self.dns_service_ip or self.service_cidr.network_address + 10


class Registry(Part):
    domain: Domain = "bootstrapper"
    port: int = Field(default=5000, ge=1, le=65534)


class Node(KernelLine, RackPlace):
    """One declared machine. If no name is given, the MAC with dashes is its name."""

    mac: Mac
    more_macs: tuple[Mac, ...] = ()
    name: str
    ip: IPv4Address | None = None
    roles: tuple[Role, ...] = Field(min_length=1)
    labels: dict[str, str] = Field(default_factory=dict)
    taints: tuple[str, ...] = ()
    install_disk: str | None = None
    wipe: YesNo | None = None
    loader: Loader | None = None
    extra: str | None = None
    cards: dict[LinkName, Mac] = Field(default_factory=dict, exclude_if=operator.not_)
    addresses: dict[LinkName, LinkAddress] = Field(default_factory=dict, exclude_if=operator.not_)
    links: Links | None = None

    @property
    def all_cards(self) -> dict[str, Mac]:
        """Return each card that is declared, the one it boots from first: name -> MAC."""
        return {BOOT: self.mac, **self.cards}

    @property
    def macs(self) -> tuple[Mac, ...]:
        """The MAC that the machine is known by, then those of its other cards."""
        return tuple(dict.fromkeys((self.mac, *self.more_macs, *self.cards.values())))

    @model_validator(mode="before")
    @classmethod
    def _named_after_mac(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("name") is not None:
            return value
        try:
            return {**value, "name": Mac(str(value.get("mac"))).dashed}
        except ValueError:
            return {**value, "name": "unknown"}  # the MAC itself is refused, and no name is asked for


class ClusterDesc(Part):
    """A whole cluster description, with every default filled in."""

    api_version: str = Field(alias="apiVersion", pattern=r"^kboot/v1$")
    cluster: Cluster
    network: Network
    os: Os = Os()
    kubernetes: Kubernetes | None = None
    registry: Registry = Registry()
    images: Annotated[dict[str, str], BeforeValidator(_images)] = Field(default_factory=dict)
    service_images_from: ImageRegistry | None = Field(default=None, exclude_if=operator.not_)
    ssh_authorized_keys: tuple[SshKey, ...] = ()
    unknown_machines: UnknownMachines = UnknownMachines.IGNORE
    ignore: tuple[MacOrPrefix, ...] = ()
    timing: Timing = Timing.NORMAL
    notify: tuple[Receiver, ...] = Field(default=(), exclude_if=operator.not_)
    log_level: LogLevel = Field(default=LogLevel.INFO, exclude_if=lambda level: level is LogLevel.INFO)
    nodes: tuple[Node, ...] = ()

    @cached_property
    def etcd_members(self) -> tuple[Node, ...]:
        """The nodes that run etcd, sorted by MAC, so that moving a node within the file changes no rendered file."""
        return self._with_role(Role.ETCD)

    @cached_property
    def control_planes(self) -> tuple[Node, ...]:
        """The nodes that run the control plane, sorted by MAC."""
        return self._with_role(Role.CONTROL_PLANE)

    @property
    def serves_time(self) -> bool:
        """Whether the bootstrapper serves the machines its own time: the description names no time servers."""
        return not self.network.ntp

    @property
    def time_servers(self) -> tuple[IPv4Address, ...]:
        """The time servers of the machines: those that are named, else the bootstrapper."""
        return self.network.ntp or (self.network.bootstrapper,)

    @property
    def lets_machines_join(self) -> bool:
        """Whether a machine that no one declared is installed, and becomes a worker."""
        return self.unknown_machines is UnknownMachines.WORKER

    def links_of(self, node: Node) -> Links:
        """Return the links of a node: its own, else those of all nodes."""
        return node.links or self.network.links or Links()

    def ignores(self, mac: Mac) -> bool:
        """Return whether a card is no machine of this cluster, such as a BMC: by its MAC, or by how that begins."""
        return any(mac == each or mac.startswith(f"{each}:") for each in self.ignore)

    @property
    def api_endpoint(self) -> tuple[str, int]:
        """The host name and port at which everything outside the control planes reaches the API server."""
        named = self.kubernetes.api_server.endpoint if self.kubernetes else None
        host, _, port = (named or f"api.{self.cluster.domain}").partition(":")
        return host, int(port or API_PORT)

    @cached_property
    def node_names(self) -> frozenset[str]:
        """The names of all nodes."""
        return frozenset(node.name for node in self.nodes)

    def __copy__(self) -> Self:
        """Return a copy whose fields may be given other values: what was computed from the old ones is left behind."""
        copied = super().__copy__()
        for name in copied.__dict__.keys() - ClusterDesc.model_fields.keys():
            del copied.__dict__[name]
        return copied

    def _with_role(self, role: Role) -> tuple[Node, ...]:
        return tuple(sorted((node for node in self.nodes if role in node.roles), key=lambda node: node.mac))
