"""Requests to a lab's bootstrapper, as its machines and their neighbours make them."""

from __future__ import annotations

import re

from support.lab import Lab

BOOTSTRAPPER = "10.77.20.253"
_CA = "/etc/kboot/ca.pem"


def answer(lab: Lab, where: str | None, path: str, token: str = "", *, tls: bool = True) -> tuple[int, str]:
    """Status and body of a request, from a machine or (None) from the bootstrapper's own address."""
    scheme = "https" if tls else "http"
    authority = _CA if where else "/kboot/ca.pem"
    words = ["curl", "-s", "--cacert", authority, "-w", "'\\n%{http_code}'", f"{scheme}://{BOOTSTRAPPER}{path}"]
    if where is None:  # the CA is not at hand there, and this is not about it
        words = ["curl", "-s", "-k", "-w", "\\n%{http_code}", f"{scheme}://{BOOTSTRAPPER}{path}"]
    if token:
        header = f"Authorization: Bearer {token}"
        words += ["-H", f"'{header}'" if where else header]
    text = lab.ssh(where, " ".join(words)) if where else lab.exec(*words)
    body, _, code = text.strip().rpartition("\n")
    return int(code), body


def install_token(script: str) -> str:
    """The token of an `install.sh`; empty where none was given."""
    found = re.search(r"^KBOOT_TOKEN='?([A-Za-z0-9_-]*)'?$", script, re.MULTILINE)
    assert found
    return found[1]
