"""Wait for the machines of a lab, and say of one that stays where it is what would bring it on."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from datetime import UTC, datetime

from kboot.cli.options import default_root
from kboot.cli.status_text import status_lines
from kboot.errors import KbootError, NotYet
from kboot.host.engine import Engine
from kboot.host.progress import Progress
from kboot.host.waiting import looks
from kboot.running.cloudconfig_client import JsonObject
from kboot.running.status import Status, read_status
from kboot_clusterdesc import ClusterFolder, Phase, Role


def wait_for(
    phase: Phase,
    folder: ClusterFolder,
    engine: Engine,
    progress: Progress,
    timeout_s: float,
    *,
    grace_s: float,
    off: Collection[str] = (),
) -> Status:
    """Wait until every declared machine reached `phase`, and print each change; raises KbootError at a failure.

    Those whose names are in `off` are not waited for.

    Raises NotYet after `timeout_s`, and already after `grace_s` where a machine runs an older config and was never
    Ready. `grace_s` is 0 where this edit of the description added Kubernetes, which no older config has.
    """
    try:
        return _wait(phase, folder, engine, progress, timeout_s, grace_s=grace_s, off=off)
    finally:
        progress.clear()


def _wait(
    phase: Phase,
    folder: ClusterFolder,
    engine: Engine,
    progress: Progress,
    timeout_s: float,
    *,
    grace_s: float,
    off: Collection[str],
) -> Status:
    late: list[str] = []
    for gone_s in looks(timeout_s, 1):
        status = read_status(folder, engine)
        stopped = [service.name for service in status.services if service.state in ("exited", "missing", "created")]
        if stopped:  # the engine does not start again what `docker kill` ended
            progress(f"{', '.join(stopped)} stopped, starting again")
            engine.up()
        _show(progress, status)
        failed = [node for node in status.nodes if node["phase"] == "failed"]
        if failed:
            raise KbootError(
                f"{failed[0]['name']} failed: {failed[0]['reason']}",
                f"read `kboot lab console {failed[0]['name']}`; "
                f"`kboot lab power {failed[0]['name']} cycle` lets it try again",
            )
        late = [
            f"{node['name']} ({node['phase']})"
            for node in status.nodes
            if node["phase"] not in (phase, Phase.READY) and node["name"] not in off
        ]
        if status.nodes and not late:
            return status
        if gone_s >= grace_s and (stuck := waits_in_vain(phase, status.nodes, folder)) is not None:
            raise stuck
    raise NotYet(f"not {phase} after {timeout_s:.0f} s: {', '.join(late)}", "read `kboot lab console NAME`")


def _show(progress: Progress, status: Status) -> None:
    """Fill a terminal's window with the status; elsewhere say what changed."""
    if progress.is_live:
        now = datetime.now(UTC)
        progress.block(lambda width, height: status_lines(status, now, width, height))
        return
    for node in status.nodes:
        progress.state(node["name"], f"{node['phase']} {node['reason'] or ''}".rstrip())
    if error := status.os.get("error"):
        progress.state("updater", str(error))


def waits_in_vain(phase: Phase, nodes: list[JsonObject], folder: ClusterFolder) -> NotYet | None:
    """Return the error for machines that cannot reach `phase` with the older config that they run; None if all may.

    A machine that was Ready before has all that Ready takes, and gets there again.
    """
    stuck = [
        node
        for node in _outdated(nodes)
        if phase is Phase.READY and node["phase"] == Phase.RUNNING and Phase.READY not in node["phases"]
    ]
    if not stuck:
        return None
    return NotYet(
        f"{_older_config(stuck)}, and will not be {phase} with it", _way_to_config(stuck, nodes, folder, upgrades=True)
    )


def outdated_note(nodes: list[JsonObject], folder: ClusterFolder) -> str | None:
    """Return a note on machines that run an older config, and on how to bring them the new one; None if none does."""
    outdated = _outdated(nodes)
    if not outdated:
        return None
    return f"note: {_older_config(outdated)}; {_way_to_config(outdated, nodes, folder)}"


def _outdated(nodes: list[JsonObject]) -> list[JsonObject]:
    in_order = sorted(nodes, key=lambda node: Role.CONTROL_PLANE not in node["roles"])
    return [node for node in in_order if node["config"] == "outdated"]


def _older_config(outdated: list[JsonObject]) -> str:
    verb = "runs" if len(outdated) == 1 else "run"
    return f"{', '.join(node['name'] for node in outdated)} {verb} an older config (outdated)"


def _way_to_config(
    outdated: list[JsonObject], nodes: list[JsonObject], folder: ClusterFolder, *, upgrades: bool = False
) -> str:
    """Return the commands that bring the new config, ready to type; control planes stand first in `outdated`.

    An upgrade, which `upgrades` names in any case, also brings Kubernetes to machines that never had it.
    """
    one = f"`kboot node apply {outdated[0]['name']} {_ssh_options(outdated[:1], folder)}`"
    if upgrades or any(node["phase"] == Phase.READY for node in nodes):
        return f"`kboot upgrade {_ssh_options(outdated, folder)}`, or {one}"
    return f"{one}, control planes first"


def _ssh_options(nodes: list[JsonObject], folder: ClusterFolder) -> str:
    words = [] if folder.root == default_root() else ["--root", str(folder.root)]
    words += ["--cluster", folder.cluster, "--identity", str(folder.lab / "ssh_key")]
    if not all(node["ssh_host_keys"] for node in nodes):
        words.append("--trust-first-contact")
    return shlex.join(words)
