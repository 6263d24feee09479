"""A cloud-config server that an upgrade tells of its hold, whose far side is played."""

from __future__ import annotations

from typing import Any

from kboot.errors import KbootError
from kboot.running.cloudconfig_client import CloudConfigClient, JsonObject


class HoldFarSide(CloudConfigClient):
    """A server that notes what it is told, and answers as a test wants."""

    def __init__(self, answers: JsonObject | KbootError) -> None:
        self.answers = answers
        self.told: list[tuple[str, Any]] = []

    def post(self, path: str, body: JsonObject | None = None) -> JsonObject:
        """Note what is told, and answer."""
        self.told.append((path, body))
        if isinstance(self.answers, KbootError):
            raise self.answers
        return self.answers

    def _token(self) -> str:
        return "the operator's"
