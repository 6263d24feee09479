"""The nodes of a running cluster, by kubectl, ssh and the cloud-config server: their states, and an upgrade's steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address
from threading import Event

from kboot_clusterdesc import ClusterDesc, ClusterFolder, Node, Role
from kboot_clusterdesc.node_images import node_images
from kboot_clusterdesc.roll_order import ROLL_BEGUN, ROLL_CORDONED, ROLL_MARK

from ..errors import KbootError, NotYet
from ..etcd.quorum import Voters, read_voters
from ..preflight.losses import losses, standing_of
from ..running.chosen import node_named
from ..running.cloudconfig_client import CloudConfigClient, JsonObject
from ..running.cluster_health import Health, read_health
from ..running.drain import drain, uncordon
from ..running.kubectl import ApiServer, Kubectl
from ..running.ssh import Login, Remote, remote
from ..running.status import addresses_of
from .apply import apply
from .hold import RolloutHold, refuse_trouble
from .moves import reason_against, runs_config_in_force
from .node_states import awaited_pods, is_ready, kubelet_version, mark_of, node_states
from .os_turns import OsTurns
from .plan import NodeState, Work

_RENEWALS = 2  # of a node's lease, to prove that its new kubelet lives: Ready may still be the old one's word
_STATIC_PODS = {
    "kube-apiserver": "kube_apiserver",
    "kube-controller-manager": "kube_controller_manager",
    "kube-scheduler": "kube_scheduler",
}


class LiveNodes:
    """The `NodeSteps` of the cluster in force: reads and changes its machines and nodes."""

    def __init__(
        self,
        folder: ClusterFolder,
        desc: ClusterDesc,
        version: str,
        kubectl: Kubectl,
        say: Callable[[str], None],
        *,
        login: Login,
        timeout_s: float,
    ) -> None:
        self._folder = folder
        self._desc = desc
        self._version = version
        self._kubectl = kubectl
        self._say = say
        self._login = login
        self._timeout_s = timeout_s
        self._server = CloudConfigClient(folder, desc)
        self._turns: OsTurns | None = None
        self._renewals: dict[str, set[str]] = {}

    def states(self) -> list[NodeState]:
        """Return the state of every declared node, in the order of the description."""
        nodes: list[JsonObject] = self._kubectl.json("get", "nodes")["items"]
        return node_states(self._desc, self._server.nodes(), nodes, self._known_health())

    def names(self) -> set[str]:
        """Return the names of the nodes that the API has."""
        return {str(node["metadata"]["name"]) for node in self._kubectl.json("get", "nodes")["items"]}

    def api_versions(self) -> dict[str, str]:
        """Return control plane -> version of its API server, for the API servers that are ready."""
        return {server.name: self._api_version(server) for server in self._kubectl.servers()}

    def unreachable(self, names: Sequence[str]) -> list[str]:
        """Return a reason for each machine that ssh does not reach, or not to the end; all are tried at once."""
        machines = self._server.nodes()

        def ask(name: str) -> str | None:
            if (reason := reason_against(self._desc, node_named(machines, name))) is not None:
                return f"{reason[0]} ({reason[1]})"
            try:
                self._remote(name).run(["true"], timeout_s=60)
            except KbootError as error:
                return f"{error.message} ({error.hint})"
            return None

        with ThreadPoolExecutor(16) as pool:
            return [reason for reason in pool.map(ask, names) if reason is not None]

    def begin(self, work: Work) -> None:
        """Mark the node, unless it is marked; raise NotYet while the gate is shut, or another member has no vote.

        First of all raise HoldLost where rollouts do not wait any more: one may have another machine down.
        """
        if self._turns is not None:
            self._turns.hold.tell()
        refuse_trouble(self._server, work.name)
        self._refuse_missing_votes(work)
        node = self._node(work.name)
        if mark_of(node) is None:
            value = ROLL_BEGUN if node["spec"].get("unschedulable") else ROLL_CORDONED
            self._kubectl.run("annotate", "node", work.name, f"{ROLL_MARK}={value}")

    def drain(self, work: Work) -> None:
        """Cordon the node and move its pods."""
        drain(self._kubectl, work.name, self._timeout_s, lambda line: self._say(f"{work.name}:{line}"))

    def apply(self, work: Work) -> None:
        """Bring the node's machine to the node config in force."""
        way = self._remote(work.name)
        holds = Role.CONTROL_PLANE in work.roles and not work.applies_addons
        for line in apply(self._folder, self._declared(work.name).mac, way, self._timeout_s, holds_addons=holds):
            self._say(f"{work.name}:   {line}")
        self._renewals.pop(work.name, None)

    def take_turns_from(self, hold: RolloutHold, stop: Event) -> None:
        """Have machines fetch and reboot by the turns that `hold` gives, until `stop` is set."""
        self._turns = OsTurns(self._server, hold, self._timeout_s, stop)

    def fetch(self, work: Work) -> None:
        """Have the machine fetch the release of the OS into its other partition; raise NotYet."""
        turns, release = self._turns_of(work)
        turns.fetch(work.name, self._declared(work.name).mac, release)

    def reboot(self, work: Work) -> None:
        """Have the machine reboot into the release that it fetched; raise NotYet where it does not come to it.

        The gate is asked once more: the drain and the config before may have taken long, or changed something.
        """
        turns, release = self._turns_of(work)
        refuse_trouble(self._server, work.name, self._timeout_s)
        self._refuse_missing_votes(work)
        self._renewals.pop(work.name, None)
        turns.reboot(work.name, self._declared(work.name).mac, release)

    def _turns_of(self, work: Work) -> tuple[OsTurns, str]:
        if self._turns is None or work.release is None:
            raise KbootError(f"rollouts are not held for a release: {work.name} cannot be given its turn")
        return self._turns, work.release

    def _refuse_missing_votes(self, work: Work) -> None:
        if not self._desc.etcd_members:
            return
        voters = self._voters()
        if any(member.name == work.name for member in voters.former):
            lost = losses(standing_of(self._folder, self._desc, self._server.nodes()), self._declared(work.name))
            raise NotYet("; ".join(each.message for each in lost), "; ".join(each.hint for each in lost))
        if Role.ETCD in work.roles:
            for member in voters.missing(besides=work.name):
                raise NotYet(f"the etcd member {member.name}: {member.reason}", "two must not be off at once")

    def trouble(self, work: Work) -> str | None:
        """Return why the node is not well yet, None when it is; a node that cannot be asked is not well."""
        try:
            return next(self._troubles(work), None)
        except KbootError as error:
            return error.message

    def end(self, work: Work) -> None:
        """Uncordon the node if we cordoned it, and drop the mark."""
        mark = mark_of(self._node(work.name))
        if mark == ROLL_CORDONED:
            uncordon(self._kubectl, work.name)
        if mark is not None:
            self._kubectl.run("annotate", "node", work.name, f"{ROLL_MARK}-")

    def _troubles(self, work: Work) -> Iterator[str]:
        wanted, declared = self._version, self._declared(work.name)
        machine = node_named(self._server.nodes(), work.name)
        if work.release is not None and machine["version"] != work.release:
            yield f"its machine runs {machine['version']}, not {work.release}"
        if not runs_config_in_force(machine):
            yield "the machine has not reported the config in force yet"
        if Role.CONTROL_PLANE in work.roles:
            yield from self._control_plane(declared, IPv4Address(machine["ip"]), wanted)
        node = self._node(work.name)
        if (kubelet := kubelet_version(node)) != wanted:
            yield f"its kubelet is {kubelet}, not {wanted} yet"
        lease = self._kubectl.json("get", "lease", work.name, "--namespace=kube-node-lease")
        renewals = self._renewals.setdefault(work.name, set())
        renewals.add(lease["spec"]["renewTime"])
        if len(renewals) <= _RENEWALS:
            yield "its kubelet has not been heard of long enough yet"
        if not is_ready(node):
            yield "its node is not Ready"
        if work.release is not None:  # it was away
            pods = self._kubectl.json("get", "pods", "--all-namespaces", f"--field-selector=spec.nodeName={work.name}")
            yield from (f"its pod {pod} is not ready" for pod in awaited_pods(pods["items"]))
        if Role.ETCD in work.roles:
            voters = self._voters()
            unwell = [part for part in voters.members if part.name == work.name or part.name not in voters.newcomers]
            yield from (f"the etcd member {part.name}: {part.reason}" for part in unwell if not part.is_well)

    def _control_plane(self, node: Node, address: IPv4Address, wanted: str) -> Iterator[str]:
        for part in self._health().control_plane:
            if part.name == node.name and not part.is_well:
                yield f"its API server {part.reason}"
        server = ApiServer(node.name, address)
        if (version := self._api_version(server)) != wanted:
            yield f"its API server is {version}, not {wanted} yet"
        images = node_images(self._desc)
        for pod, key in _STATIC_PODS.items():
            found = self._kubectl.json("get", "pod", f"{pod}-{node.name}", "--namespace=kube-system")
            if found["spec"]["containers"][0]["image"] != images[key] or not is_ready(found):
                yield f"its {pod} is not ready with {images[key]} yet"

    def _api_version(self, server: ApiServer) -> str:
        version: str = self._kubectl.json("version", server=server)["serverVersion"]["gitVersion"]
        return version.partition("+")[0]

    def _node(self, name: str) -> JsonObject:
        return self._kubectl.json("get", "node", name)

    def _declared(self, name: str) -> Node:
        return next(node for node in self._desc.nodes if node.name == name)

    def _remote(self, name: str) -> Remote:
        return remote(self._folder, node_named(self._server.nodes(), name), self._login)

    def _voters(self) -> Voters:
        return read_voters(self._desc, self._folder, addresses_of(self._server.nodes()))

    def _known_health(self) -> Health:
        """Return the health of what runs: a node with a new role has no member of etcd or API server yet."""
        health, newcomers = self._health(), self._voters().newcomers
        pods = self._kubectl.json("get", "pods", "--namespace=kube-system", "--selector=component=kube-apiserver")
        servers = {str(pod["metadata"]["name"]) for pod in pods["items"]}
        return Health(
            tuple(part for part in health.etcd if part.name not in newcomers),
            tuple(part for part in health.control_plane if f"kube-apiserver-{part.name}" in servers or part.is_well),
        )

    def _health(self) -> Health:
        return read_health(self._desc, self._folder, addresses_of(self._server.nodes()))
