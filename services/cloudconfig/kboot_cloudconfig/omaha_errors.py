"""Says in words why an update failed, from the error code that update_engine reports. Pure.

The codes are those of its `action_processor.h`, github.com/flatcar/update_engine.
"""

from __future__ import annotations

ROLLED_BACK = 44  # it comes alone, with the first check after the machine fell back
_FLAGS_FROM = 28  # the bits from here on say how it was asked: not the public server, a resumed download
_HTTP_FROM = 2000

_WORDS = {
    1: "failed for no reason that it names",
    2: "the update check could not be sent",
    3: "the answer to the update check could not be used",
    4: "a partition could not be copied",
    5: "the new OS was written, but its last step (postinst) failed: a system extension that it wants is missing, say",
    6: "the new partition could not be made the one to boot",
    7: "the partition for the new OS could not be opened",
    8: "the file of the new kernel could not be opened",
    9: "the download broke off, or the file is not there",
    10: "the file that was downloaded has another hash than the answer says",
    11: "the file that was downloaded has another size than the answer says",
    12: "the payload could not be verified",
    13: "the payload says nothing of the partition that it makes",
    14: "the new OS could not be written to the disk",
    15: "what was written to the partition is not what the payload describes",
    16: "the kernel that was written is not what the payload describes",
    17: "the payload is not signed",
    18: "the payload is signed by another key than the one in the machine's OS",
    19: "it runs from the other firmware",
    20: "the state of a download that it was to go on with is gone",
    21: "what was downloaded is no update payload",
    22: "the payload's manifest names no signature",
    23: "the payload's manifest cannot be read",
    24: "the signature of the payload's manifest cannot be read",
    25: "the signature of the payload's manifest could not be verified",
    26: "the payload's manifest is signed by another key",
    27: "a part of the payload could not be verified",
    28: "a part of the payload could not be applied",
    29: "a part of the payload is damaged: it came wrong over the network, or the file is not what it was",
    30: "the answer to the update check was empty",
    31: "the answer to the update check is no XML",
    32: "the size of the payload's manifest is wrong",
    33: "the signature of the payload's manifest is wrong",
    34: "the answer to the update check is not one that it takes",
    35: "it may not take this update, by its own policy",
    36: "it takes this update later, by its own policy",
    37: "the update check was refused by HTTP",
    38: "a part of the payload has no hash",
    39: "the payload's manifest is not signed",
    40: "it takes this update later, since an earlier try failed",
    41: "the machine could not be reset",
    42: "the new OS does not fit the machine's measured boot",
    43: "the policy of the measured boot could not be sent",
    ROLLED_BACK: "the new OS did not come up, and the machine went back to the one before",
    100: "the download was not finished",
}


def base_code(code: int) -> int:
    """Return an error code without the flags in its upper bits; a client may print it as a negative number."""
    return code & ((1 << _FLAGS_FROM) - 1)


def words_of(code: int) -> str:
    """Return an error code in words, with its number."""
    base = base_code(code)
    if _HTTP_FROM + 100 <= base < _HTTP_FROM + 600:
        return f"the update check was answered HTTP {base - _HTTP_FROM} (error {base})"
    return f"{_WORDS.get(base, 'failed for a reason that kboot does not know')} (error {base})"
