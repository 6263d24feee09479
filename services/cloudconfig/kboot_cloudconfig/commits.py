"""Brings changes to the disk: each at once, or once a server answers, all that wait in one commit of a thread."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from .log import LogLevel, log

_AT_ONCE = 500  # changes of one commit: as many take the event loop some milliseconds


class NotKept(Exception):
    """A change did not reach the disk, and nothing of it is in force."""


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the database, what is to be done once it is on the disk, and what once it is known not to be."""

    write: Callable[[sqlite3.Connection], object]
    then: Callable[[], object] = _nothing
    undo: Callable[[], object] = _nothing
    is_folded: bool = False  # into the database file, so that a copy without its log has the change


class Commits:
    """The changes of one database, in the order in which they were made.

    One thread at a time has the connection: while it commits, which waits for the disk, later changes wait in memory.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._thread: ThreadPoolExecutor | None = None
        self._waiting: deque[Change] = deque()
        self._under_way: list[Change] = []
        self.made = 0  # changes so far
        self._settled = 0  # of these, the ones that are on the disk, or failed
        self._failed: deque[tuple[int, int, BaseException]] = deque(maxlen=1000)  # after which number, until which, why
        self._callers: list[tuple[int, asyncio.Future[None]]] = []

    def make(self, change: Change) -> None:
        """Make a change: it is on the disk when this returns, or in batches, when `kept` does."""
        self.made += 1
        if self._thread is None:
            with self.transaction() as db:
                change.write(db)
            self._settled = self.made
            if change.is_folded:
                self.fold()
            change.then()
            return
        self._waiting.append(change)
        if len(self._waiting) == 1 and not self._under_way:
            asyncio.get_running_loop().call_soon(self._begin)

    async def kept(self, after: int) -> None:
        """Return when all changes after the number `after` are on the disk; raise where one could not be written."""
        until = self.made
        if self._settled < until:
            settled = asyncio.get_running_loop().create_future()
            self._callers.append((until, settled))
            await settled
        for first, last, error in self._failed:
            if after < last and first < until:
                raise NotKept(f"a change could not be written: {error}") from error

    def begin_batches(self) -> None:
        """Commit in batches from now on, in a thread, under the event loop that runs."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commits")

    async def end_batches(self) -> None:
        """Bring all that waits to the disk, and commit each later change at once."""
        while self._settled < self.made:
            with suppress(NotKept):
                await self.kept(self.made)
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Return the connection for a transaction that is on the disk when it ends."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def fold(self) -> None:
        """Fold the write-ahead log into the database file, as far as nobody reads what is older."""
        with suppress(sqlite3.OperationalError):  # no room to grow: the log has it still
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _begin(self) -> None:
        """Write what waits into one transaction, and have the thread commit it."""
        if self._under_way or not self._waiting or self._thread is None:
            return
        self._under_way = [self._waiting.popleft() for _ in range(min(len(self._waiting), _AT_ONCE))]
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for change in self._under_way:
                change.write(self._db)
        except Exception as error:  # whatever it is: those who wait have to know, and the next ones to be written
            self._end(error)
            return
        is_folded = any(change.is_folded for change in self._under_way)
        loop = asyncio.get_running_loop()
        commit = loop.run_in_executor(self._thread, self._commit, is_folded)
        commit.add_done_callback(lambda done: self._end(done.exception()))

    def _commit(self, is_folded: bool) -> None:
        self._db.execute("COMMIT")
        if is_folded:
            self.fold()

    def _end(self, error: BaseException | None) -> None:
        """Tell those whose changes were under way how that ended, and begin with the next ones."""
        batch, self._under_way = self._under_way, []
        before, self._settled = self._settled, self._settled + len(batch)
        if error is not None:
            self._give_up(batch, before, error)
        ended = [settled for until, settled in self._callers if until <= self._settled]
        self._callers = [each for each in self._callers if each[0] > self._settled]
        for settled in ended:
            if not settled.done():  # who asked may be gone
                settled.set_result(None)
        asyncio.get_running_loop().call_soon(self._begin)
        if error is None:
            for change in batch:
                change.then()

    def _give_up(self, batch: list[Change], before: int, error: BaseException) -> None:
        if self._db.in_transaction:
            with suppress(sqlite3.Error):  # SQLite has taken it back itself
                self._db.execute("ROLLBACK")
        for change in reversed(batch):
            change.undo()
        if self._failed and self._failed[-1][1] == before:
            before = self._failed.pop()[0]
        self._failed.append((before, self._settled, error))
        log("state-not-written", LogLevel.ERROR, problem=str(error), changes=len(batch))
