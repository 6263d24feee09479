"""What each key of a description means, with an example: for hints, the JSON schema and the reference."""

from __future__ import annotations

from .key import Key as Key
from .link_keys import LINK_KEYS

KEYS: dict[str, Key] = {
    "apiVersion": Key("the form of this file", "apiVersion: kboot/v1"),
    "cluster": Key("how the cluster is called", "cluster: {name: ail, domain: ail.example.com}"),
    "cluster.name": Key("name of the cluster, its folder and its Compose project", "name: ail"),
    "cluster.domain": Key("DNS domain of the machines", "domain: ail.example.com"),
    "network": Key("the network of the machines", "network: {bootstrapper: 10.10.14.253, subnet: 10.10.14.0/24}"),
    "network.bootstrapper": Key("the static address of the machine that runs kboot", "bootstrapper: 10.10.14.253"),
    "network.subnet": Key("the subnet of all machines", "subnet: 10.10.14.0/24"),
    "network.interface": Key(
        "the interface to answer on; default: the one that holds the bootstrapper's address",
        "interface: eth1",
    ),
    "network.dhcp": Key("how machines get their addresses", "dhcp: {range: [10.10.14.1, 10.10.14.127], lease: 24h}"),
    "network.dhcp.mode": Key(
        "serve: kboot hands out addresses; proxy: it adds boot data to another server's; off: neither",
        "mode: serve",
    ),
    "network.dhcp.range": Key(
        "the first and last address to hand out; needed in mode serve", "range: [10.10.14.1, 10.10.14.127]"
    ),
    "network.dhcp.lease": Key("how long an address is kept: a duration or infinite", "lease: 24h"),
    "network.routers": Key("default routers of the machines", "routers: [10.10.14.254]"),
    "network.nameservers": Key("DNS servers of the machines; default: the bootstrapper", "nameservers: [10.10.14.253]"),
    "network.upstream_dns": Key(
        "where the bootstrapper asks for names that are not its own", "upstream_dns: [8.8.8.8]"
    ),
    "network.ntp": Key(
        "time servers of the machines; default: the bootstrapper, which then serves its own time",
        "ntp: [10.10.14.254]",
    ),
    "network.hosts": Key("more DNS records, name to address", "hosts: {printer.ail.example.com: 10.10.14.9}"),
    "network.links": Key(
        "bonds, VLANs and what else is said of the links of each node that has no `links` of its own",
        "links: {bonds: [{name: bond0, members: [boot, second]}]}",
    ),
    "network.proxy": Key(
        "the proxy of the site, by which releases, images and binaries are fetched; default: of who calls, if any",
        'proxy: {http: "http://proxy.example.com:3128", https: "http://proxy.example.com:3128"}',
    ),
    "network.proxy.http": Key("the proxy for http:// addresses", 'http: "http://proxy.example.com:3128"'),
    "network.proxy.https": Key("the proxy for https:// addresses", 'https: "http://proxy.example.com:3128"'),
    "network.proxy.no_proxy": Key(
        "hosts, domains and addresses that are asked without it", "no_proxy: [mirror.example.com, 10.10.14.9]"
    ),
    "os": Key(
        "the operating system that machines install",
        "os: {family: flatcar, channel: stable, version: current}",
    ),
    "os.family": Key("flatcar, or coreos for the old releases", "family: flatcar"),
    "os.channel": Key("the release channel", "channel: stable"),
    "os.version": Key("current, which follows the channel, or the number of one release", "version: 3975.2.0"),
    "os.arch": Key("the architecture of the machines", "arch: amd64"),
    "os.release_url": Key(
        "where releases come from; may hold {channel} and {board}; default: the family's server",
        'release_url: "http://mirror.example.com/{channel}/{board}"',
    ),
    "os.release_key": Key(
        "file with the public key that signs the releases, beside this one; default: the family's key",
        "release_key: release-key.asc",
    ),
    "os.release_ca": Key(
        "file with CAs (PEM), beside this one, that vouch for release_url and payload_url by TLS, as public ones do",
        "release_ca: site-ca.pem",
    ),
    "os.install_disk": Key(
        "the disk to install to, on machines that name none: a path, best below /dev/disk/by-id/ or by-path/, or a "
        "rule: `smallest` (of 8 GB or more), `model:SSD 870*`, `min_size:200G`, or several with commas between; "
        "default: the only disk, else the install stops",
        "install_disk: /dev/disk/by-path/pci-0000:00:1f.2-ata-1",
    ),
    "os.wipe": Key(
        "whether a disk that a rule or nothing chose is installed over while it holds something; "
        "a disk that is named always is",
        "wipe: false",
    ),
    "os.kernel_args": Key(
        "kernel arguments of machines that name none, during the install and of the installed OS",
        "kernel_args: [iommu=pt, nomodeset]",
    ),
    "os.console": Key(
        "kernel consoles, the last of which is /dev/console; default: tty0 and ttyS0,115200n8 during the install, "
        "and as the OS has it then",
        'console: [tty0, "ttyS1,115200n8"]',
    ),
    "os.config": Key("the form of the node configs: ignition or cloud-config", "config: ignition"),
    "os.timezone": Key("time zone of the machines", "timezone: UTC"),
    "os.extra": Key(
        "file with a fragment (files, units, users) that is merged last into every node config",
        "extra: extra.yaml",
    ),
    "os.update": Key("how releases are followed", 'update: {enabled: true, schedule: "0 3 * * *"}'),
    "os.update.enabled": Key("whether newer releases are fetched and offered", "enabled: true"),
    "os.update.schedule": Key(
        "when the release server is asked: minute hour day month weekday", 'schedule: "0 3 * * *"'
    ),
    "os.update.keep": Key("how many releases are kept", "keep: 2"),
    "os.update.reboot_strategy": Key(
        "how a machine comes to a newer release; rollout: when its turn has come; reboot: by itself, at once; "
        "off: at the next boot that you give it; etcd-lock: by a lock in etcd, coreos alone",
        "reboot_strategy: rollout",
    ),
    "os.update.window": Key(
        "when machines may reboot into a newer release; default: at any time",
        'window: {start: "03:00", length: 3h}',
    ),
    "os.update.window.start": Key("time of day at which the window opens", 'start: "03:00"'),
    "os.update.window.length": Key("how long it stays open", "length: 3h"),
    "os.update.max_parallel": Key(
        "how many workers a rollout takes down at once; control planes and etcd members go one by one",
        "max_parallel: 2",
    ),
    "os.update.checks": Key(
        "URLs that have to answer with 2xx before the next machine is taken down",
        'checks: ["https://shop.example.com/healthz"]',
    ),
    "os.update.payload_url": Key(
        "where the payloads come from that update installed machines; may hold {channel} and {board}; default: "
        "release_url where that is given, else the family's server",
        'payload_url: "http://mirror.example.com/payloads/{board}"',
    ),
    "os.update.payload_key": Key(
        "file with the public key (RSA, PEM) that signs the payloads, beside this one; default: the family's key",
        "payload_key: payload-key.pem",
    ),
    "os.update.extensions": Key(
        "extensions of the OS that machines have enabled, whose payloads an update needs as well",
        "extensions: [zfs]",
    ),
    "kubernetes": Key(
        "the Kubernetes cluster; without this key kboot installs an OS fleet",
        "kubernetes: {version: v1.36.2}",
    ),
    "kubernetes.version": Key("the version of Kubernetes, v1.33 to v1.36", "version: v1.36.2"),
    "kubernetes.service_cidr": Key("addresses of services", "service_cidr: 10.100.0.0/16"),
    "kubernetes.pod_cidr": Key("addresses of pods; each node takes a /24 of it", "pod_cidr: 10.1.0.0/16"),
    "kubernetes.dns_service_ip": Key(
        "address of cluster DNS; default: the tenth of service_cidr", "dns_service_ip: 10.100.0.10"
    ),
    "kubernetes.dns_domain": Key("DNS domain of services", "dns_domain: cluster.local"),
    "kubernetes.cni": Key("the pod network", "cni: {name: flannel, backend: vxlan}"),
    "kubernetes.cni.name": Key("flannel, routes, or none to bring your own", "name: flannel"),
    "kubernetes.cni.backend": Key("vxlan, or host-gw where all nodes share one link", "backend: vxlan"),
    "kubernetes.cni.interface": Key(
        "the interface of pod traffic; default: the one with the default route", "interface: eth0"
    ),
    "kubernetes.api_server": Key("how the API server is reached", "api_server: {endpoint: k8s.ail.example.com:6443}"),
    "kubernetes.api_server.endpoint": Key(
        "name and port; default: api.<domain>, a record of kboot's", "endpoint: k8s.ail.example.com:6443"
    ),
    "kubernetes.api_server.names": Key("more names in its certificate", "names: [k8s.example.com]"),
    "kubernetes.api_server.addresses": Key("more addresses in its certificate", "addresses: [10.10.14.200]"),
    "kubernetes.reserved": Key(
        "what nodes keep from pods; more than a machine has keeps its kubelet from starting",
        "reserved: {system: {memory: 512Mi}, etcd: {cpu: 500m, memory: 2Gi}}",
    ),
    "kubernetes.reserved.system": Key(
        "of each node, for the OS, kubelet and containerd", "system: {cpu: 100m, memory: 256Mi}"
    ),
    "kubernetes.reserved.etcd": Key("of each member of etcd, for that besides", "etcd: {cpu: 100m, memory: 256Mi}"),
    **{
        f"kubernetes.reserved.{whose}.{what}": key
        for whose in ("system", "etcd")
        for what, key in (
            ("cpu", Key("a number of CPUs, or thousandths of one with m", "cpu: 100m")),
            ("memory", Key("memory, with Ki, Mi or Gi", "memory: 256Mi")),
        )
    },
    "kubernetes.manifests": Key("manifests of your own, applied once the API answers", "manifests: [addons/]"),
    "registry": Key("the image registry on the bootstrapper", "registry: {domain: bootstrapper, port: 5000}"),
    "registry.domain": Key("its name in image references", "domain: bootstrapper"),
    "registry.port": Key("its port; the next one takes pushes on the bootstrapper itself", "port: 5000"),
    "images": Key(
        "images that take the place of the usual ones; defaults follow kubernetes.version",
        "images: {pause: registry.example.com/pause:3.10}",
    ),
    "service_images_from": Key(
        "the registry, and the folder of it, that this machine pulls the images of kboot's own services from where it "
        "lacks them; default: they are built here",
        "service_images_from: ghcr.io/example/kboot",
    ),
    "ssh_authorized_keys": Key(
        "public keys that may log in to every machine",
        'ssh_authorized_keys: ["ssh-ed25519 AAAA... me@example.com"]',
    ),
    "unknown_machines": Key(
        "ignore: machines that stand under no node are listed and left alone; "
        "worker: each that boots from the network is installed, and joins Kubernetes as a worker",
        "unknown_machines: ignore",
    ),
    "ignore": Key(
        "MACs, or their first three to five bytes, of what is no machine, such as BMCs: "
        "it is given an address, and never listed, booted or let in",
        'ignore: ["3c:ec:ef", "00:25:90:c0:f7:81"]',
    ),
    "timing": Key(
        "normal, or slow for machines that are emulated or whose disks are slow: etcd and Kubernetes then wait longer",
        "timing: slow",
    ),
    "log_level": Key(
        "the lowest level in the logs of cloud-config server and updater: debug, which has health checks too and what "
        "kboot's own commands and agents ask again and again, info, warning or error",
        "log_level: debug",
    ),
    "notify": Key(
        "who is told of events by HTTP requests that are signed",
        'notify: [{url: "https://hooks.example.com/kboot", secret: hook.secret}]',
    ),
    "notify.url": Key("where events are posted to; put nothing secret in it", 'url: "https://hooks.example.com/kboot"'),
    "notify.name": Key("what it is called in status and metrics; default: the host of its url", "name: pager"),
    "notify.events": Key("the kinds of events that it is told of; default: all", "events: [failed, refused]"),
    "notify.secret": Key(
        "file beside this one with the secret that signs the requests; best of `openssl rand -hex 32`",
        "secret: hook.secret",
    ),
    "notify.ca": Key(
        "file beside this one with the authorities, in PEM, that vouch for the receiver; default: the public ones",
        "ca: site-ca.pem",
    ),
    "nodes": Key("the machines", 'nodes: [{mac: "00:25:90:c0:f7:80", roles: [worker]}]'),
    "nodes.mac": Key(
        "the MAC of the network card it boots from, and which has its name and `ip`", 'mac: "00:25:90:c0:f7:80"'
    ),
    "nodes.more_macs": Key(
        "the MACs of its other cards that ask on this network: it may boot from any; they get addresses of the range",
        'more_macs: ["00:25:90:c0:f7:81"]',
    ),
    "nodes.name": Key("its host name; default: the MAC with dashes", "name: node1"),
    "nodes.ip": Key("its fixed address; default: any of the DHCP range", "ip: 10.10.14.201"),
    "nodes.roles": Key("control-plane, etcd, worker: one or several", "roles: [control-plane, etcd]"),
    "nodes.rack": Key("the rack it stands in, for the status page and its picture of the racks", "rack: r1"),
    "nodes.unit": Key("its place there, the lowest of its rack units, counted from below", "unit: 12"),
    "nodes.labels": Key("labels of the Kubernetes node", 'labels: {ingress: "true"}'),
    "nodes.taints": Key("taints of the Kubernetes node", 'taints: ["dedicated=db:NoSchedule"]'),
    "nodes.install_disk": Key(
        "its disk, where os.install_disk is not right", "install_disk: /dev/disk/by-id/nvme-DISK_1"
    ),
    "nodes.wipe": Key("whether its disk is installed over, where os.wipe is not right", "wipe: true"),
    "nodes.loader": Key(
        "what its firmware loads first, by any of its cards: on BIOS undionly.kpxe (the usual), ipxe.pxe or "
        "pxelinux.0; on UEFI snponly.efi (the usual) or ipxe.efi",
        "loader: ipxe.efi",
    ),
    "nodes.kernel_args": Key("its kernel arguments, in place of all of os.kernel_args", "kernel_args: [pci=noaer]"),
    "nodes.console": Key("its kernel consoles, in place of os.console", 'console: [tty0, "ttyS1,57600n8"]'),
    "nodes.extra": Key("a fragment for this machine alone, after os.extra", "extra: node1.yaml"),
    "nodes.cards": Key(
        "its other network cards, a name of yours to the MAC; the card of `mac` is called boot",
        'cards: {second: "00:25:90:c0:f7:81"}',
    ),
    "nodes.addresses": Key(
        "its addresses on other links than the one of `ip`, each with the length of its subnet",
        "addresses: {storage: 10.10.40.201/24}",
    ),
    "nodes.links": Key(
        "its links, in place of the whole of network.links", "links: {vlans: [{name: storage, id: 40, link: boot}]}"
    ),
}
KEYS |= {f"{holder}.links.{name}": key for holder in ("network", "nodes") for name, key in LINK_KEYS.items()}


def key_at(path: tuple[str | int, ...]) -> Key | None:
    """Return the entry for the value at `path`, or for the nearest key above it that has one; None if none has."""
    words = [str(step) for step in path if isinstance(step, str)]
    for end in range(len(words), 0, -1):
        key = KEYS.get(".".join(words[:end]))
        if key:
            return key
    return None
