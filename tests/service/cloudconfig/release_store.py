"""Changes the store of a running server, and waits until the server goes by it: it looks some times a second."""

from __future__ import annotations

from kboot.host.waiting import looks

from .conftest import Server


def spoil_release(server: Server, version: str) -> None:
    """Take away the updater's word that the release in force is whole."""
    (server.folder.images / "stable" / version / ".origin").unlink()
    _wait_for(server, None)


def switch_release(server: Server, version: str) -> None:
    """Put a release into the store and in force."""
    server.add_release(version)
    _wait_for(server, version)


def _wait_for(server: Server, version: str | None) -> None:
    current = None
    for _ in looks(30, 0.01):
        current = server.get("/v1/nodes").json()["os"]["current"]
        if current == version:
            return
    raise AssertionError(f"the release in force is {current}, not {version}")
