"""The services of a cluster, each as one object, from which all else that is said of a service follows.

Another service is one entry in SERVICES, and a folder of its name with a Dockerfile in `services/`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from kboot_clusterdesc import ClusterDesc, DhcpMode
from kboot_clusterdesc.shared_files import (
    DESCRIPTION,
    PAYLOAD_KEY,
    RELEASE_AUTHORITY,
    RELEASE_KEY,
    SERVER_CERTIFICATE,
    SERVER_KEY,
)

LOOPBACK = IPv4Address("127.0.0.1")
HAND_OVER = "/run/kboot/generation"  # in a container: how many processes were brought up, and what came of the last


@dataclass(frozen=True, slots=True)
class User:
    """Whom a service runs as: the image makes the user, and the group of the same number."""

    name: str
    uid: int


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder that a service sees at `target`; `path` is relative to the cluster's folder."""

    path: str
    target: str
    reads: tuple[str, ...] = ()  # the files that the service takes of this folder; all where none is named

    def is_read(self, path: str) -> bool:
        """Whether the service takes the file `path`, relative to the cluster's folder, from here."""
        if not self.reads:
            return path == self.path or path.startswith(f"{self.path}/")
        return path in {f"{self.path}/{name}" for name in self.reads}


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that one service writes, made before its first start; `path` is relative to the cluster's folder."""

    path: str
    mode: int = 0o755
    is_opened_by_root: bool = False  # it then belongs to root, since no service may pass over the rights of others


@dataclass(frozen=True, slots=True)
class Port:
    """A port that a service listens on."""

    protocol: str  # udp | tcp
    number: int

    def __str__(self) -> str:
        return f"{self.number}/{self.protocol}"


NTP = Port("udp", 123)
# dnsmasq binds these to every address of the machine: the second is what firmware asks of a proxy for what to boot.
DHCP, PROXY_DHCP = Port("udp", 67), Port("udp", 4011)


@dataclass(frozen=True, slots=True)
class ServerNames:
    """Under which names and addresses a service is called over TLS: they stand in its certificate."""

    names: tuple[str, ...]
    addresses: tuple[IPv4Address, ...]


def _none(desc: ClusterDesc) -> tuple[Port, ...]:
    return ()


def _no_environment(desc: ClusterDesc) -> dict[str, str]:
    return {}


def _always(desc: ClusterDesc) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Service:
    """One service. What hangs on the description is a function of it."""

    name: str
    user: User
    memory: str
    health: tuple[str, ...]  # a healthcheck's test, as Compose takes it
    mounts: tuple[Mount, ...]
    writes: tuple[Folder, ...] = ()  # the mounts that can be written
    restarts_on: tuple[str, ...] = ()  # the rendered files that it reads but once; a folder ends with a slash
    capabilities: tuple[str, ...] = ()
    ports: Callable[[ClusterDesc], tuple[Port, ...]] = _none  # on the bootstrapper's address
    loopback_ports: Callable[[ClusterDesc], tuple[Port, ...]] = _none
    # the rendered files that its next process reads: at SIGHUP it takes over, and tells it in HAND_OVER
    hands_over_on: tuple[str, ...] = ()
    tls: Callable[[ClusterDesc], ServerNames] | None = None  # its certificate lies in tls/<name>/
    runs: Callable[[ClusterDesc], bool] = _always
    environment: Callable[[ClusterDesc], dict[str, str]] = _no_environment  # beside what each service is given

    def may_write(self, mount: Mount) -> bool:
        """Whether the mount can be written."""
        return mount.path in {folder.path for folder in self.writes}

    def restarts_for(self, path: str) -> bool:
        """Whether a change of the rendered file `path` takes a restart to be seen."""
        return path in self.restarts_on or path.startswith(tuple(on for on in self.restarts_on if on.endswith("/")))

    @property
    def hands_over(self) -> bool:
        """Whether its next process takes over from the one that serves, so that a restart refuses nobody."""
        return bool(self.hands_over_on)

    def reloads(self, path: str) -> bool:
        """Whether the service takes a change of the rendered file `path` over while it runs."""
        waits = self.restarts_for(path) or path in self.hands_over_on
        return not waits and any(mount.is_read(path) for mount in self.mounts)


def _dnsmasq_ports(desc: ClusterDesc) -> tuple[Port, ...]:
    mode = desc.network.dhcp.mode
    dhcp = [] if mode is DhcpMode.OFF else [DHCP, PROXY_DHCP] if mode is DhcpMode.PROXY else [DHCP]
    return (Port("udp", 53), Port("tcp", 53), *dhcp, Port("udp", 69))


def _registry_names(desc: ClusterDesc) -> ServerNames:
    names = tuple(sorted({desc.registry.domain, "localhost"}))
    return ServerNames(names, (desc.network.bootstrapper, LOOPBACK))


_KBOOT = User("kboot", 64310)

# Root binds the low ports and drops to the service's user, hence SETUID and SETGID.
DNSMASQ = Service(
    "dnsmasq",
    User("dnsmasq", 64313),
    "128m",
    ("CMD", "/usr/local/bin/healthcheck"),
    (
        Mount("config/dnsmasq.conf", "/etc/dnsmasq.conf"),
        Mount("config/dhcp-hosts", "/etc/kboot/dhcp-hosts"),
        Mount("config/hosts", "/etc/kboot/hosts"),
        Mount("config/pxelinux.cfg", "/var/lib/tftpboot/pxelinux.cfg"),
        Mount("leases", "/var/lib/kboot/leases"),
    ),
    writes=(Folder("leases", is_opened_by_root=True),),
    restarts_on=("config/dnsmasq.conf", "config/dhcp-hosts", "config/hosts", "config/pxelinux.cfg/"),
    # KILL: without it the container's init cannot pass SIGTERM on to who is no longer root, and all end by SIGKILL
    capabilities=("NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE", "SETUID", "SETGID", "KILL"),
    ports=_dnsmasq_ports,
)
CLOUDCONFIG = Service(
    "cloudconfig",
    _KBOOT,
    "512m",
    ("CMD", "python3", "-m", "kboot_cloudconfig.health_check"),
    (
        Mount("config", "/etc/kboot"),
        Mount("tls/cloudconfig", "/etc/kboot-tls"),
        Mount("nodes", "/var/lib/kboot/nodes"),
        Mount("images", "/var/lib/kboot/images"),
        Mount("assets", "/var/lib/kboot/assets"),
        Mount("leases", "/var/lib/kboot/leases"),
        Mount("state", "/var/lib/kboot/state"),
    ),
    writes=(Folder("state", 0o700),),
    # the client certificate beside them is read at each use
    hands_over_on=(f"tls/cloudconfig/{SERVER_CERTIFICATE}", f"tls/cloudconfig/{SERVER_KEY}"),
    capabilities=("NET_BIND_SERVICE", "SETUID", "SETGID"),
    ports=lambda desc: (Port("tcp", 80), Port("tcp", 443)),
    tls=lambda desc: ServerNames((f"bootstrapper.{desc.cluster.domain}",), (desc.network.bootstrapper,)),
)
REGISTRY = Service(
    "registry",
    User("kboot-registry", 64312),
    "512m",
    ("CMD", "/usr/local/bin/healthcheck"),
    (
        Mount("config/registry.yml", "/etc/docker/registry/config.yml"),
        Mount("config/registry-push.yml", "/etc/docker/registry/push.yml"),
        Mount("tls/registry", "/etc/kboot-tls"),
        Mount("registry", "/var/lib/registry"),
    ),
    writes=(Folder("registry"),),
    restarts_on=("config/registry.yml", "config/registry-push.yml", "tls/registry/"),
    ports=lambda desc: (Port("tcp", desc.registry.port),),
    loopback_ports=lambda desc: (Port("tcp", desc.registry.port + 1),),  # pushes are taken there alone
    tls=_registry_names,
)
UPDATER = Service(
    "updater",
    _KBOOT,
    "512m",
    ("CMD", "python3", "-m", "kboot_updater.health_check"),
    (
        Mount("config", "/etc/kboot", reads=(DESCRIPTION, RELEASE_KEY, PAYLOAD_KEY, RELEASE_AUTHORITY)),
        Mount("images", "/var/lib/kboot/images"),
    ),
    writes=(Folder("images"),),
    runs=lambda desc: desc.os.update.enabled,
    environment=lambda desc: desc.network.proxy.environment if desc.network.proxy else {},
)
TIME = Service(
    "time",
    User("_chrony", 64314),
    "64m",
    ("CMD", "/usr/local/bin/healthcheck"),
    (Mount("config/chrony.conf", "/etc/chrony/chrony.conf"),),
    restarts_on=("config/chrony.conf",),
    capabilities=("NET_BIND_SERVICE", "SETUID", "SETGID", "KILL"),  # none for the clock: it is the host's
    ports=lambda desc: (NTP,),
    runs=lambda desc: desc.serves_time,
)

SERVICES = (DNSMASQ, CLOUDCONFIG, REGISTRY, UPDATER, TIME)
HANDING_OVER = frozenset(service.name for service in SERVICES if service.hands_over)


def services_of(desc: ClusterDesc, services: Sequence[Service] = SERVICES) -> list[Service]:
    """Return those of `services` that run for a cluster."""
    return [service for service in services if service.runs(desc)]
