"""Does what a rollout wants done on nodes, each in a job of its own, and keeps how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from kboot_clusterdesc import Mac

from .kubernetes_api import ApiFault
from .kubernetes_calls import ApiCalls
from .log import log
from .node_drain import Undrainable, drain, take_back, uncordon
from .rollout_view import Outcome, Task


class NodeTasks:
    """The jobs under way; what is no longer wanted is ended, and what it did stays for the next job to see to."""

    def __init__(self, api: ApiCalls, every_s: float, then: Callable[[str, Task], None]) -> None:
        self._api = api
        self._every_s = every_s
        self._then = then  # called with the node's name after a task
        self._jobs: dict[Mac, asyncio.Task[None]] = {}
        self.outcomes: dict[Mac, Outcome] = {}

    def want(self, tasks: Mapping[Mac, Task], names: Mapping[Mac, str]) -> None:
        """Begin what is wanted and neither under way nor done; end what is not wanted any more."""
        for mac in [*self._jobs]:
            if tasks.get(mac) is not self.outcomes[mac].task:
                self._jobs.pop(mac).cancel()
        self.outcomes = {mac: each for mac, each in self.outcomes.items() if tasks.get(mac) is each.task}
        for mac, task in tasks.items():
            job, outcome = self._jobs.get(mac), self.outcomes.get(mac)
            is_done = outcome is not None and outcome.is_over and (outcome.words is None or task is Task.DRAIN)
            if (job is None or job.done()) and not is_done:
                words = outcome.words if outcome is not None else None
                self.outcomes[mac] = Outcome(task, is_over=False, words=words)
                self._jobs[mac] = asyncio.create_task(self._do(mac, task, names[mac]))

    async def end(self) -> None:
        """End all that is under way."""
        for job in self._jobs.values():
            job.cancel()
        await asyncio.gather(*self._jobs.values(), return_exceptions=True)

    async def _do(self, mac: Mac, task: Task, name: str) -> None:
        def note(words: str) -> None:
            self.outcomes[mac] = Outcome(task, is_over=False, words=words)

        try:
            if task is Task.DRAIN:
                await drain(self._api, name, self._every_s, note)
            elif task is Task.TAKE_BACK:
                await take_back(self._api, name, self._every_s, note)
            else:
                await uncordon(self._api, name, self._every_s)
        except (ApiFault, Undrainable) as fault:
            self.outcomes[mac] = Outcome(task, is_over=True, words=str(fault))
        except Exception as error:  # the border of a background job: the rollout has to know
            log("node-task-failed", task=task.value, node=name, problem=repr(error))
            self.outcomes[mac] = Outcome(task, is_over=True, words=f"a fault of kboot's own: {error!r}")
        else:
            self.outcomes[mac] = Outcome(task, is_over=True)
            self._then(name, task)
