"""Makes authorities and issues their certificates: ECDSA P-256, one purpose a certificate (RFC 5280)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ...errors import KbootError
from ..certificate import public_pem
from ..key_pair import KeyPair, Subject
from ..lifetimes import AUTHORITY_LIFE

_CLOCK_SLACK = timedelta(days=1)  # machines come with wrong clocks


def new_authority(common_name: str, now: datetime, groups: Sequence[str] = ()) -> KeyPair:
    """Return a new self-signed root, which may sign certificates of servers and machines, and no further authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(common_name, groups)
    certificate = (
        _builder(name, name, key.public_key(), now, now + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(key, SHA256())
    )
    return _pair(certificate, key)


def issue(authority: KeyPair, subject: Subject, now: datetime, life: timedelta) -> KeyPair:
    """Return a fresh key and a certificate of `authority` for it, which never outlives the authority."""
    issuer, signer = _read(authority)
    if issuer.not_valid_after_utc <= now:
        raise KbootError(
            f"the authority `{issuer.subject.rfc4514_string()}` ended {issuer.not_valid_after_utc:%Y-%m-%d}",
            f"{_clock_of(now)}. Where that is right, docs/certificates.md says what a new one takes",
        )
    if issuer.not_valid_before_utc > now:
        raise KbootError(
            f"{_clock_of(now)}, before the authority `{issuer.subject.rfc4514_string()}` was made",
            "set the clock (`timedatectl`): what is issued now would have ended long ago",
        )
    key = ec.generate_private_key(ec.SECP256R1())
    end = min(now + life, issuer.not_valid_after_utc)
    builder = (
        _builder(_name(subject.common_name, subject.groups), issuer.subject, key.public_key(), now, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage(list(_purposes(subject))), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if subject.names or subject.addresses:
        alternatives = x509.SubjectAlternativeName(_alternatives(subject))
        builder = builder.add_extension(alternatives, critical=False)
    return _pair(builder.sign(signer, SHA256()), key)


def _clock_of(now: datetime) -> str:
    return f"the clock of this machine stands at {now:%Y-%m-%d %H:%M} UTC"


@lru_cache(8)  # one authority issues for thousands of machines
def _read(authority: KeyPair) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    signer = load_pem_private_key(authority.key, None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)  # noqa: S101 - we made it
    return x509.load_pem_x509_certificate(authority.certificate), signer


def new_signing_pair() -> KeyPair:
    """Return a new key that signs tokens: `certificate` is the bare public key."""
    key = ec.generate_private_key(ec.SECP256R1())
    return KeyPair(public_pem(key), _private_pem(key))


def _alternatives(subject: Subject) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in subject.names]
    return [*names, *(x509.IPAddress(address) for address in subject.addresses)]


def _purposes(subject: Subject) -> Iterator[x509.ObjectIdentifier]:
    if subject.server:
        yield ExtendedKeyUsageOID.SERVER_AUTH
    if subject.client:
        yield ExtendedKeyUsageOID.CLIENT_AUTH


def _name(common_name: str, groups: Sequence[str]) -> x509.Name:
    organizations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organizations, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SLACK)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> KeyPair:
    return KeyPair(certificate.public_bytes(Encoding.PEM), _private_pem(key))
