"""Drains a node: cordons it, and moves its pods to others as far as their disruption budgets consent."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..errors import KbootError, NotYet
from .kubectl import Kubectl

_BLOCKED = re.compile(r'^error when evicting pods/"([^"]+)" -n "([^"]+)" \(will retry after [^)]*\): (.*)')
_END = ("error:", "There are pending ")  # from here on kubectl says what went wrong, three times over
_FORCED = "use --force to override"


class DrainBlocked(NotYet):
    """Some pods of the node may not be moved now."""


def drain(kubectl: Kubectl, name: str, timeout_s: float, say: Callable[[str], None]) -> None:
    """Cordon the node `name` and move its pods; those of DaemonSets and of its own manifests stay.

    Raises DrainBlocked with the pods that were not let go within `timeout_s`; the node stays cordoned then. So it does
    on Ctrl-C, which is said.
    """
    heard: list[str] = []

    def hear(line: str) -> None:
        heard.append(line)
        if line not in heard[:-1] and not any(each.startswith(_END) for each in heard):
            say(f"  {line}")

    options = ("--ignore-daemonsets", "--delete-emptydir-data", f"--timeout={timeout_s:.0f}s")
    try:
        if kubectl.follow("drain", name, *options, say=hear) == 0:
            return
    except KeyboardInterrupt:
        say(f"{name} may be cordoned by now, and some of its pods moved: `kboot node uncordon {name}` takes it back")
        raise
    blocked = blocked_pods(heard)
    if blocked:
        reasons = "; ".join(f"{pod}: {reason}" for pod, reason in blocked.items())
        raise DrainBlocked(
            f"{name} is cordoned, but not drained within {timeout_s:.0f} s: {reasons}",
            "see to what its PodDisruptionBudget waits for (`kubectl get pdb -A`), or give it more time with "
            f"`--timeout`, then run this again; `kboot node uncordon {name}` takes it back",
        )
    said = _said(heard)
    if any(_FORCED in line for line in heard):
        raise DrainBlocked(
            f"{name} is not drained: {said}",
            "those would not come back elsewhere: delete them yourself with `kubectl delete pod`, then run this again",
        )
    if "timeout" in said or "timed out" in said:
        raise DrainBlocked(
            f"{name} is cordoned, but not drained within {timeout_s:.0f} s: {said}",
            f"its pods end slowly: `kubectl get pods -A --field-selector spec.nodeName={name}`; then run this again",
        )
    raise KbootError(f"{name} cannot be drained: {said}", "mend that, then run this again")


def uncordon(kubectl: Kubectl, name: str) -> None:
    """Let pods be placed on the node again."""
    kubectl.run("uncordon", name)


def _said(lines: list[str]) -> str:
    """Return the error in kubectl's output, without the words around it."""
    line = next((line for line in lines if line.startswith("error:")), lines[-1] if lines else "kubectl said nothing")
    return line.rpartition(" due to error: ")[2].removeprefix("error: ").removesuffix(", continuing command...")


def blocked_pods(lines: list[str]) -> dict[str, str]:
    """Return namespace/pod -> why it may not be evicted, for pods that kubectl did not evict in the end."""
    blocked = {f"{hit[2]}/{hit[1]}": hit[3] for line in lines if (hit := _BLOCKED.search(line))}
    gone = {line.split()[0].removeprefix("pod/") for line in lines if line.endswith(" evicted")}
    return {pod: reason for pod, reason in blocked.items() if pod.partition("/")[2] not in gone}
