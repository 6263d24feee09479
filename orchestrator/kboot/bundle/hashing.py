"""SHA-256 of chunks in a thread beside whoever reads and writes them: hashing then costs no time of its own."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256


class HashBeside:
    """The SHA-256 of the chunks given to `update`, each taken by `pool` while the caller goes on with it.

    One chunk is under way at most, so memory stays as it is; a `pool` of one thread is enough.
    """

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._total = sha256()
        self._under_way: Future[None] | None = None

    def update(self, chunk: bytes) -> None:
        """Have the next chunk hashed, once the one before is."""
        self._wait()
        self._under_way = self._pool.submit(self._total.update, chunk)

    def digest(self) -> str:
        """Return the digest of all chunks so far, as a manifest has it."""
        self._wait()
        return f"sha256:{self._total.hexdigest()}"

    def _wait(self) -> None:
        if self._under_way is not None:
            self._under_way.result()
            self._under_way = None
