"""Tells receivers of events, for ever: a task for each, which nothing else waits for."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx

from kboot_clusterdesc.notify import Receiver, authorities_file, secret_file
from kboot_clusterdesc.site_proxy import SiteProxy

from .event import Choice, Event
from .fleet import Fleet
from .log import LogLevel, log
from .notify_request import MOST_TRIES, NotifyRequest, key_of, notify_request, proxy_for, wait_after
from .problem import ProblemError
from .receivers import ReceiverView

_AT_ONCE = 50  # events of one request, which bounds what a slow receiver holds in memory
_PATIENCE_S = 20  # for one request
_LOOK_S = 5.0


class NotifyWatch:
    """The tasks of all receivers that the description names now."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._tasks: dict[tuple[Receiver, SiteProxy | None], asyncio.Task[None]] = {}

    async def watch(self) -> None:
        """Begin and end a task for each receiver as the description changes; end all where this is cancelled."""
        try:
            while True:
                with suppress(ProblemError):  # no description yet
                    self._follow()
                await asyncio.sleep(1)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _follow(self) -> None:
        desc = self._fleet.desc()
        wanted = {(receiver, desc.network.proxy) for receiver in desc.notify}
        for key in self._tasks.keys() - wanted:
            self._tasks.pop(key).cancel()
            self._fleet.store.notified.views.pop(key[0].label, None)
        for key in wanted - self._tasks.keys():
            self._tasks[key] = asyncio.create_task(_Telling(self._fleet, *key).tell())


class _Telling:
    """The way of events to one receiver, from the one after the last that it took."""

    def __init__(self, fleet: Fleet, receiver: Receiver, proxy: SiteProxy | None) -> None:
        self._fleet, self._receiver = fleet, receiver
        self._proxy = proxy_for(receiver.url, proxy)
        self._choice = Choice(frozenset(receiver.events))
        self._name = receiver.label
        self._tries = 0
        self._views = fleet.store.notified.views
        self._views[self._name] = ReceiverView(self._name)

    async def tell(self) -> None:
        """Tell for ever."""
        flag = self._fleet.listeners.add()
        try:
            while True:
                flag.clear()
                try:
                    while events := self._next():
                        await self._send(events)
                except Exception as error:  # the border of a background job: it must outlive a bad moment
                    log("notify-failed", LogLevel.ERROR, receiver=self._name, problem=repr(error))
                with suppress(TimeoutError):
                    await asyncio.wait_for(flag.wait(), _LOOK_S)
        finally:
            self._fleet.listeners.remove(flag)

    def _next(self) -> list[Event]:
        """Return the next events to tell: to one that is new nothing that was before.

        In doubt nobody is new: up to where each was told is lost too, and all that is kept is of after the loss.
        """
        store = self._fleet.store
        if (number := store.notified.number(self._name)) is None:
            number = store.newest_number() if store.doubt() is None else 0
            store.notified.keep(self._name, number)
        return store.events_after(number, _AT_ONCE, self._choice)

    async def _send(self, events: list[Event]) -> None:
        """Send until it is taken, or was tried often enough."""
        request = notify_request(self._fleet.desc().cluster.name, events)
        for tried in range(1, MOST_TRIES + 1):
            problem = await self._try(request)
            if problem is None:
                break
            self._tries += 1
            self._note_failure(problem)
            if tried < MOST_TRIES:
                await asyncio.sleep(wait_after(self._tries).total_seconds())
        else:
            self._leave_out(events)
        self._fleet.store.notified.keep(self._name, events[-1].number or 0)

    async def _try(self, request: NotifyRequest) -> str | None:
        """Send once; return why it was not taken, None where it was."""
        try:
            key = key_of(self._file(secret_file(self._name)).read_bytes())
            context = await asyncio.to_thread(self._context)  # reading all authorities takes a while
            headers = request.headers(key, int(self._fleet.now().timestamp()))
            async with (
                asyncio.timeout(_PATIENCE_S),
                httpx.AsyncClient(verify=context, proxy=self._proxy, trust_env=False, timeout=_PATIENCE_S) as client,
                client.stream("POST", self._receiver.url, content=request.body, headers=headers) as answer,
            ):
                status = answer.status_code  # what else it says is not read
        except TimeoutError:
            return f"no answer within {_PATIENCE_S} seconds"
        except (httpx.HTTPError, OSError) as error:
            return f"{type(error).__name__}: {error}"[:300]
        if not 200 <= status < 300:
            return f"it answers {status}"
        view = self._views[self._name]
        if view.failing_since is not None:
            log("notify-again", receiver=self._name)
        self._tries = 0
        self._views[self._name] = replace(view, failing_since=None, problem=None, taken=view.taken + 1)
        return None

    def _note_failure(self, problem: str) -> None:
        view = self._views[self._name]
        if view.problem != problem:
            log("notify-not-taken", LogLevel.WARNING, receiver=self._name, problem=problem)
        since = view.failing_since or self._fleet.now()
        self._views[self._name] = replace(view, failing_since=since, problem=problem)

    def _leave_out(self, events: list[Event]) -> None:
        view = self._views[self._name]
        self._views[self._name] = replace(view, left_out=view.left_out + len(events))
        log("notify-left-out", LogLevel.ERROR, receiver=self._name, events=len(events), after=events[0].number)

    def _context(self) -> ssl.SSLContext:
        own = self._file(authorities_file(self._name))
        return ssl.create_default_context(cafile=str(own) if self._receiver.ca else None)

    def _file(self, name: str) -> Path:
        return self._fleet.settings.tls / name
