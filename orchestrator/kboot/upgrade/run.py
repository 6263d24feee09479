"""The main flow of `kboot upgrade`: look, plan, refuse what would not end well, roll."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event

from kboot_clusterdesc import ClusterDesc, ClusterFolder, Node
from kboot_clusterdesc.node_images import node_images

from ..errors import BadInput, NotYet
from ..etcd.kept_snapshot import save_before_change
from ..etcd.skew import refuse_apply
from ..host.stamp import changed
from ..preflight.kubernetes_skew import reason_against_running
from ..running.chosen import description_in_force
from ..running.cloudconfig_client import CloudConfigClient
from ..running.kubectl import kubectl
from ..running.ssh import Login
from ..running.status import addresses_of
from ..supplies.missing import missing_supplies
from .arrival import Arrival, newcomers, works
from .hold import rollouts_held
from .live import LiveNodes
from .plan import NodeState, Plan, plan_upgrade
from .roll import AGAIN, roll


@dataclass(frozen=True, slots=True)
class Options:
    """The operator's choices for an upgrade. `timeout_s` is what each step may take on one node."""

    batch: int = 1
    is_dry: bool = False
    login: Login = Login()  # noqa: RUF009 - it is frozen
    timeout_s: float = 600
    with_os: bool = False  # machines with an older release of the OS come to the one in force, in the same drain


def upgrade(
    folder: ClusterFolder, options: Options, now: datetime, say: Callable[[str], None], stop: Event
) -> tuple[Plan, list[str]]:
    """Bring nodes to the version and configs that `kboot up` rendered; return the plan and the names of nodes done.

    Machines that run without Kubernetes come to it before all others. Raises NotYet, with nothing touched, where
    something is in the way; with `is_dry` the plan is returned instead.
    """
    with changed(folder):
        desc = description_in_force(folder)
        if desc.kubernetes is None:
            way = "its description has no `kubernetes`: `kboot node apply NAME`, one machine after the other"
            raise BadInput(f"cluster {folder.cluster} runs no Kubernetes", way)
        server = CloudConfigClient(folder, desc)
        machines = server.nodes()
        for unsure in refuse_apply(folder, desc, machines, desc.nodes):
            say(unsure)
        with kubectl(folder, desc, addresses_of(machines), now) as tool:
            version, timeout_s = desc.kubernetes.version, options.timeout_s
            live = LiveNodes(folder, desc, version, tool, say, login=options.login, timeout_s=timeout_s)
            arriving = newcomers(desc, machines, live.names() if tool.servers() else None)
            if any(each != version for each in live.api_versions().values()):  # no kubelet is newer than API servers
                arriving = []
            if arriving:
                first = Plan(version, works(arriving), blocked=_in_the_way(folder, desc, live, arriving))
                if options.is_dry:
                    return first, []
                _refuse_blocked(first)
                save_before_change(folder, desc, machines, arriving, now, say)
                with rollouts_held(server, say, stop):
                    Arrival(folder, desc, server, options.login, say, stop, timeout_s).bring(arriving)
            done = [node.name for node in arriving]
            nodes = live.states()
            release = _release(desc, server) if options.with_os else None
            plan = plan_upgrade(version, nodes, options.batch, release)
            if not plan.batches:
                return plan, done
            _refuse_skew(version, nodes, live.api_versions())
            names = [work.name for batch in plan.batches for work in batch if work.applies]
            changing = [node for node in desc.nodes if node.name in names]
            plan = replace(plan, blocked=(*plan.blocked, *_in_the_way(folder, desc, live, changing)))
            if options.is_dry:
                return plan, []
            _refuse_blocked(plan)
            save_before_change(folder, desc, machines, changing, now, say)
            with rollouts_held(server, say, stop, release=release) as hold:
                live.take_turns_from(hold, stop)
                return plan, [*done, *roll(plan, live, say, stop=stop, timeout_s=timeout_s)]


def _in_the_way(folder: ClusterFolder, desc: ClusterDesc, live: LiveNodes, nodes: list[Node]) -> tuple[str, ...]:
    """Return what nodes would ask this machine for in vain, and which of them ssh does not reach."""
    missing = missing_supplies(folder, desc, node_images(desc).values())
    return (*missing, *live.unreachable([node.name for node in nodes]))


def _refuse_blocked(plan: Plan) -> None:
    if plan.blocked:
        raise NotYet("nothing was touched: " + "; ".join(plan.blocked), f"mend that; {AGAIN}")


def _release(desc: ClusterDesc, server: CloudConfigClient) -> str:
    """Return the release of the OS that machines can come to; raise NotYet where there is none."""
    if not desc.os.update.enabled:
        raise BadInput("`os.update.enabled: false`: machines are offered no release", "run this without `--os`")
    release: str | None = server.get("/v1/rollout")["available"]
    if release is None:
        raise NotYet(
            "no release with a whole update payload is in force",
            "`kboot os list` shows what is here, `kboot os sync` fetches it",
        )
    return release


def _refuse_skew(wanted: str, nodes: list[NodeState], api_servers: dict[str, str]) -> None:
    kubelets = {node.name: node.kubelet for node in nodes if node.kubelet and node.kubelet.startswith("v")}
    if reason := reason_against_running(wanted, api_servers, kubelets):
        raise BadInput(*reason)
