"""Certificates as OpenSSL's own command sees them."""

from __future__ import annotations

import subprocess
from datetime import datetime
from pathlib import Path

from kboot.pki import KeyPair


def write_pair(folder: Path, name: str, pair: KeyPair) -> Path:
    """`name.pem` and `name.key` in `folder`; the certificate's path."""
    path = folder / f"{name}.pem"
    path.write_bytes(pair.certificate)
    path.with_suffix(".key").write_bytes(pair.key)
    return path


def refusal(certificate: Path, authority: Path, purpose: str, at: datetime, *more: str) -> str:
    """Why `openssl verify` refuses it for `sslserver` or `sslclient` at that time; empty when it does not."""
    options = ["-x509_strict", "-purpose", purpose, "-attime", str(int(at.timestamp())), "-CAfile", str(authority)]
    command = ["openssl", "verify", *options, *more, str(certificate)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def shown(certificate: Path, *what: str) -> str:
    """What `openssl x509` prints of it."""
    command = ["openssl", "x509", "-in", str(certificate), "-noout", *what]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
