"""Certificates as OpenSSL's own command sees them, and such as have ended."""

from __future__ import annotations

import subprocess
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from kboot.pki import KeyPair


def write_pair(folder: Path, name: str, pair: KeyPair) -> Path:
    """`name.pem` and `name.key` in `folder`; the certificate's path."""
    path = folder / f"{name}.pem"
    path.write_bytes(pair.certificate)
    path.with_suffix(".key").write_bytes(pair.key)
    return path


def end(certificate: Path, authority: Path, at: datetime) -> None:
    """Have a certificate end at that time, for the same key and purpose; the key of its authority lies beside that."""
    kept = x509.load_pem_x509_certificate(certificate.read_bytes())
    signer = load_pem_private_key(authority.with_suffix(".key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    public = kept.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    builder = x509.CertificateBuilder(kept.issuer, kept.subject, public, kept.serial_number, at - timedelta(365), at)
    for extension in kept.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    certificate.write_bytes(builder.sign(signer, SHA256()).public_bytes(Encoding.PEM))


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
