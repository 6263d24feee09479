"""What a secret looks like in text, whoever's it is: keys, tokens and passwords by the words around them. Pure."""

from __future__ import annotations

import re

LEFT_OUT = b"<secret>"
_FORMS = (
    (re.compile(rb"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----.*?(-----END \1-----|\Z)", re.DOTALL), LEFT_OUT),
    (re.compile(rb"\$2[aby]\$\d\d\$[./A-Za-z0-9]{20,}"), LEFT_OUT),  # bcrypt
    (re.compile(rb"(?i)(authorization\W+(?:bearer|basic)\s+)[^\s\"',]+"), rb"\1" + LEFT_OUT),
    (re.compile(rb"(?i)([?&](?:token|boot|secret|password)=)[^&\s\"']+"), rb"\1" + LEFT_OUT),
    (re.compile(rb"(?i)((?:password|passwd|secret|token|private_key|client-key-data)[\"']?\s*[:=]\s*[\"']?)[^\s\"',}]{8,}"),
     rb"\1" + LEFT_OUT),
    (re.compile(rb"(?i)(\b[a-z][a-z0-9+.-]*://)[^\s/@\"']+@"), rb"\1" + LEFT_OUT + b"@"),
    (re.compile(rb"whsec_[A-Za-z0-9+/=]+"), LEFT_OUT),
    (re.compile(rb"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"), LEFT_OUT),  # a JSON Web Token
    (re.compile(rb"\b[a-z0-9]{6}\.[a-z0-9]{16}\b"), LEFT_OUT),  # a bootstrap token
)  # fmt: skip


def without_secret_forms(text: bytes) -> bytes:
    """Return the text with `<secret>` in place of all that has the form of a secret."""
    for form, left in _FORMS:
        text = form.sub(left, text)
    return text
