"""The flow of `kboot node apply`: refuse what takes the cluster down, bring one machine its config, wait for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from threading import Event
from time import monotonic

from kboot_clusterdesc import ClusterDesc, ClusterFolder, Mac, Node
from kboot_clusterdesc.roll_order import is_counted

from ..errors import BadInput, NotYet
from ..etcd.kept_snapshot import NOTHING_TOUCHED, save_before_change
from ..etcd.skew import refuse_apply
from ..host.stamp import held
from ..preflight.losses import losses, standing_of
from ..running.chosen import description_in_force, node_named
from ..running.cloudconfig_client import CloudConfigClient, JsonObject
from ..running.ssh import Login, remote
from .apply import apply
from .hold import PAUSE, rollouts_held
from .moves import reason_against
from .own_parts import wait_for_parts, well_parts

_BY = "`kboot node apply`"
_FORCE = "`--force` does it all the same"
Say = Callable[[str], None]


def apply_to(
    folder: ClusterFolder, name: str, login: Login, timeout_s: float, say: Say, *, is_forced: bool
) -> tuple[str, list[str]]:
    """Bring one running machine to the node config in force, without a drain; return its name and what was done there.

    Raises NotYet, with nothing touched, where etcd or Kubernetes would not go on without it, and where its own member
    of etcd or API server is not back in time, unless forced.
    """
    begin = monotonic()
    with held(folder):
        desc = description_in_force(folder)
        server = CloudConfigClient(folder, desc)
        machines = server.nodes()
        node = node_named(machines, name)
        for unsure in refuse_apply(folder, desc, machines, [each for each in desc.nodes if each.mac == node["mac"]]):
            say(f"note: {unsure}")
        if (reason := reason_against(desc, node)) is not None:
            raise BadInput(f"nothing was touched: {reason[0]}", reason[1])
        with _others_up(folder, desc, server, machines, node, say, is_forced):
            own = None if is_forced else _counted(desc, node)
            cluster = standing_of(folder, desc, machines)
            before = well_parts(cluster, own) if own else []
            _save_etcd(folder, desc, machines, _counted(desc, node), say, is_forced)
            with _told_on_interrupt(node["name"], say):
                said = apply(folder, Mac(node["mac"]), remote(folder, node, login), timeout_s)
                if own and said:
                    wait_for_parts(cluster, own, before, timeout_s - (monotonic() - begin))
            return node["name"], said


@contextmanager
def _told_on_interrupt(name: str, say: Say) -> Iterator[None]:
    """Say on Ctrl-C, which cuts the connection to the machine `name`, what it may have left there."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"{name} may have a part of the config by now: `kboot node apply {name}` goes on with the rest")
        raise


def _save_etcd(
    folder: ClusterFolder,
    desc: ClusterDesc,
    machines: Sequence[JsonObject],
    node: Node | None,
    say: Say,
    is_forced: bool,
) -> None:
    """Save a snapshot where etcd comes to another version with this node; forced, what cannot be saved is only said."""
    try:
        save_before_change(folder, desc, machines, [node] if node else [], datetime.now(UTC), say)
    except NotYet as error:
        if not is_forced:
            raise NotYet(error.message, f"{error.hint}; {_FORCE}") from error
        say(f"note: {error.message.removeprefix(NOTHING_TOUCHED)}")


def _counted(desc: ClusterDesc, machine: JsonObject) -> Node | None:
    """Return the node of a machine on which the cluster counts, whatever config the server takes it to have.

    `current` there is no word of the machine's: it may not be known, or the machine stopped half-way through another.
    """
    return next((each for each in desc.nodes if each.mac == machine["mac"] and is_counted(each.roles)), None)


@contextmanager
def _others_up(
    folder: ClusterFolder,
    desc: ClusterDesc,
    server: CloudConfigClient,
    machines: Sequence[JsonObject],
    machine: JsonObject,
    say: Say,
    is_forced: bool,
) -> Iterator[None]:
    """Raise NotYet unless the cluster goes on without the machine; have rollouts wait as long as this lasts.

    Of a machine on which the cluster does not count it is only asked whether it has a vote in etcd from before. Where
    the operator forces it, what would be lost is only said, and a rollout does not wait.
    """
    node = next((each for each in desc.nodes if each.mac == machine["mac"]), None)
    if node is None:
        yield
        return
    with ExitStack() as held_off:
        if is_counted(node.roles) and not is_forced:
            held_off.enter_context(rollouts_held(server, say, Event(), by=_BY, hint=f"{PAUSE}; {_FORCE}"))
        found = losses(standing_of(folder, desc, machines), node, comes_back=True)
        if found and not is_forced:
            said, ways = "; ".join(each.message for each in found), "; ".join(each.hint for each in found)
            raise NotYet(f"nothing was touched: {said}", f"{ways}; {_FORCE}")
        for each in found:
            say(f"note: {each.message}")
        yield
