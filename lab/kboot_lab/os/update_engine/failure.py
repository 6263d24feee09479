"""Why an update came to nothing, in the numbers that update_engine reports (action_processor.h)."""

from __future__ import annotations

from enum import IntEnum

FROM_OWN_SERVER = 1 << 28  # is added to the code where the server is not the public one


class Code(IntEnum):
    """A base code; those of 2000 and more are a status of HTTP that the check was answered with."""

    NEW_SYSTEM_NOT_READ = 4
    POST_INSTALL = 5
    DEVICE_NOT_OPENED = 7
    TRANSFER = 9
    PAYLOAD_HASH = 10
    PAYLOAD_SIZE = 11
    NEW_SYSTEM_HASH = 15
    NOT_SIGNED = 17
    SIGNATURE = 18
    MANIFEST = 21
    OPERATION_HASH = 29
    EMPTY_ANSWER = 30
    ANSWER_NOT_XML = 31
    ANSWER = 34
    BACKOFF = 40
    ROLLED_BACK = 44
    HTTP = 2000


class UpdateError(Exception):
    """An update that came to nothing."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code
