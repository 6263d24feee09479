"""The shapes of the JSON that the server sends, for those who check and those who read it. Pure.

They are plain dictionaries when the server runs: ten thousand nodes are shown without a model for each.
"""

from __future__ import annotations

from enum import StrEnum
from typing import (
    Annotated,
    Literal,
    NotRequired,  # typing's own holds no field descriptions before Python 3.12
)

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from kboot_clusterdesc import EventKind, Phase

from .card import Link
from .update_step import Step

Moment = Annotated[str, Field(description="RFC 3339, UTC", examples=["2026-11-25T09:00:00Z"])]
_STRICT = ConfigDict(extra="forbid")


class ApiState(StrEnum):
    """Whether the API server answers."""

    NONE = "none"  # the description has no Kubernetes
    WAITING = "waiting"  # nothing to ask with, or nobody answers
    ANSWERS = "answers"


@with_config(_STRICT)
class DiskState(TypedDict):
    """A disk as its machine reported it from memory."""

    name: str
    id: str
    model: str
    serial: str
    size_bytes: int
    holds: Annotated[str, Field(description="file systems, arrays, labels; empty for an empty disk")]


@with_config(_STRICT)
class CardState(TypedDict):
    """A network card as its machine reported it from memory."""

    name: str
    mac: str
    link: Annotated[Link, Field(description="`unknown`: the OS in memory has not switched it on")]
    speed_mbit: Annotated[int | None, Field(description="null where the card does not tell")]
    driver: str


@with_config(_STRICT)
class FailedUnitState(TypedDict):
    """A systemd unit that failed on its machine."""

    name: str
    lines: Annotated[list[str], Field(description="its last ones in the journal; none in a list of nodes")]


@with_config(_STRICT)
class UpdateStepState(TypedDict):
    """A step of an update of a machine's OS; a version is empty where it is not known."""

    at: Moment
    step: Step
    from_version: str
    to_version: str
    error: Annotated[str | None, Field(description="why it failed")]


@with_config(_STRICT)
class UpdateState(TypedDict):
    """How the OS of a machine is updated."""

    checked: Annotated[Moment | None, Field(description="when it last asked for an update, since the server began")]
    reason: Annotated[str | None, Field(description="why it was offered nothing then")]
    steps: Annotated[list[UpdateStepState], Field(description="oldest first; in a list of nodes the newest alone")]


@with_config(_STRICT)
class NextStep(TypedDict):
    """Something that leads on with a machine."""

    command: Annotated[str | None, Field(description="to type on the bootstrapper; none where `why` says what to do")]
    why: Annotated[str, Field(description="what it is for")]


@with_config(_STRICT)
class NodeState(TypedDict):
    """A node: what its description, its machine and its lease say."""

    mac: str
    more_macs: list[str]
    name: str
    ip: str | None
    roles: list[str]
    rack: Annotated[str | None, Field(description="where it stands, as the description has it")]
    unit: int | None
    phase: Phase
    since: Moment
    heard: Annotated[Moment | None, Field(description="when it was last heard of")]
    phases: Annotated[dict[Phase, Moment], Field(description="the latest time of each phase, since the arming")]
    armed: Annotated[bool, Field(description="whether its next network boot installs it")]
    joined: Annotated[bool, Field(description="whether it joined without being declared")]
    config: Annotated[Literal["current", "outdated"], Field(description="the config that it runs")]
    config_told: Annotated[bool, Field(description="whether it told that; `current` is no word of its own where not")]
    reason: Annotated[str | None, Field(description="why it failed, or is not what it should be")]
    remark: Annotated[str | None, Field(description="what it said of its last boot")]
    overdue: Annotated[str | None, Field(description="what to try, where its phase lasts too long")]
    version: Annotated[str | None, Field(description="the OS release that it says it runs")]
    update: UpdateState
    ssh_host_keys: list[str]
    install_disk: str | None
    disks: list[DiskState]
    cards: list[CardState]
    install_log: Annotated[
        list[str], Field(description="the end of that of the newest install that failed; none in a list of nodes")
    ]
    failed_units: Annotated[list[FailedUnitState], Field(description="since its last boot from disk")]
    next: Annotated[list[NextStep], Field(description="what leads on, the likeliest first; none in a list of nodes")]
    boot_partition: str | None
    bytes: int | None
    total: int | None
    percent: int | None


@with_config(_STRICT)
class AgentAnswer(TypedDict):
    """What a machine's update agent is to do."""

    action: Annotated[
        Literal["wait", "check", "reset", "reboot"],
        Field(description="`check`: look for a release now; `reset`: also where another one waits for its reboot"),
    ]


@with_config(_STRICT)
class RolloutMachineState(TypedDict):
    """One machine in a rollout."""

    mac: str
    name: str
    stage: Literal["waiting", "offered", "draining", "rebooting", "settling", "done", "failed"]
    since: Annotated[Moment | None, Field(description="when it came to that stage; none before its first turn")]
    version: Annotated[str | None, Field(description="the OS release that it runs")]
    booted: Annotated[Moment | None, Field(description="when it told that it had booted into it")]
    reason: Annotated[str | None, Field(description="what it waits for, or why it failed")]
    refused: Annotated[str | None, Field(description="the release that it failed with, and is not offered again")]
    agent: Annotated[
        Literal["idle", "updating", "needs-reboot"] | None, Field(description="its update agent's newest word")
    ]
    agent_version: Annotated[str | None, Field(description="the OS release that its agent told with that")]
    boot: Annotated[str | None, Field(description="the boot, by its id, that its agent told with that")]
    installed: Annotated[
        str | None, Field(description="the release that waits for its reboot, as its update client told")
    ]


@with_config(_STRICT)
class RolloutState(TypedDict):
    """The rollout of an OS release over the machines that run."""

    state: Literal["idle", "running", "paused", "halted"]
    since: Moment
    release: str | None
    available: Annotated[str | None, Field(description="the release in force, once its update payload is whole here")]
    reason: Annotated[str | None, Field(description="why it halted or pauses, or what it waits for")]
    strategy: Annotated[str, Field(description="`os.update.reboot_strategy`; `off` where machines are offered nothing")]
    max_parallel: int
    held_by: Annotated[str | None, Field(description="which work it waits for, such as `kboot upgrade`")]
    machines: Annotated[list[RolloutMachineState], Field(description="none in the state of the fleet")]


@with_config(_STRICT)
class GateState(TypedDict):
    """Whether a machine may be taken down now."""

    trouble: Annotated[
        str | None, Field(description="of etcd, API servers, other machines, or by the operator's checks")
    ]


@with_config(_STRICT)
class DiscoveredState(TypedDict):
    """A machine on the network that nobody declared."""

    mac: str
    ip: str
    since: Moment


@with_config(_STRICT)
class DoubtState(TypedDict):
    """That the state of the machines was lost, until the operator settles it."""

    since: Moment
    reason: str
    kept: str | None


@with_config(_STRICT)
class OsState(TypedDict):
    """The OS releases: what is wanted, and what is in force."""

    family: str
    channel: str
    version: str
    current: Annotated[str | None, Field(description="the release that installs get now")]
    checked: Annotated[Moment | None, Field(description="when the updater last looked for a release")]
    next_check: Annotated[Moment | None, Field(description="when it will look again")]
    error: Annotated[str | None, Field(description="why its last look failed")]
    remark: Annotated[str | None, Field(description="why another release is in force than the channel has")]
    payload: Annotated[str | None, Field(description="the release in force, once installed machines can come to it")]
    payload_error: Annotated[str | None, Field(description="why they cannot")]


@with_config(_STRICT)
class KubernetesNodeState(TypedDict):
    """A node as the API server has it."""

    ready: bool
    version: str | None
    cordoned: bool
    reason: str | None


@with_config(_STRICT)
class KubernetesState(TypedDict):
    """Whether an API server answers, and each node that it has."""

    state: ApiState
    reason: str | None
    nodes: dict[str, KubernetesNodeState]


@with_config(_STRICT)
class ReceiverState(TypedDict):
    """One who is told of events: whether it takes them."""

    name: str
    failing_since: Moment | None
    problem: Annotated[str | None, Field(description="why it took nothing the last time")]
    left_out: Annotated[int, Field(description="events that it never got, since the server began")]


@with_config(_STRICT)
class FleetState(TypedDict):
    """The state of the whole fleet."""

    cluster: str
    doubt: DoubtState | None
    nodes: list[NodeState]
    discovered: list[DiscoveredState]
    os: OsState
    rollout: RolloutState
    kubernetes: KubernetesState
    receivers: list[ReceiverState]


@with_config(ConfigDict(extra="allow"))
class EventState(TypedDict):
    """An event, as `data:` of a server-sent event has it; what else it has depends on its kind."""

    at: Moment
    kind: Phase | EventKind
    mac: str | None
    ip: str | None


@with_config(_STRICT)
class LoginCodeState(TypedDict):
    """A code for one login to the page."""

    code: str
    until: Moment


@with_config(_STRICT)
class ProblemState(TypedDict):
    """A fault (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    request_id: Annotated[NotRequired[str], Field(description="as in the header X-Request-Id and in the log")]
