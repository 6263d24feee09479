"""A certificate authority and what it issues: ECDSA P-256, one purpose a certificate (RFC 5280)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE = timedelta(days=3650)
SERVER_LIFE = timedelta(days=730)  # of what the bootstrapper serves with
MACHINE_LIFE = timedelta(days=365)
_CLOCK_SLACK = timedelta(days=1)  # machines come with wrong clocks


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, both PEM; the key is PKCS #8."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Subject:
    """Who a certificate speaks for, and what it is good for."""

    common_name: str
    group: str | None = None  # the organisation, which Kubernetes reads as a group
    server: bool = False
    client: bool = False
    names: tuple[str, ...] = ()
    addresses: tuple[IPv4Address, ...] = ()


def new_authority(common_name: str, now: datetime) -> KeyPair:
    """A self-signed root that may sign certificates of servers and machines, and no further authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(common_name, None)
    usage = _key_usage(key_cert_sign=True, crl_sign=True)
    certificate = (
        _builder(name, name, key.public_key(), now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    return _pair(certificate, key)


def issue(authority: KeyPair, subject: Subject, now: datetime, life: timedelta) -> KeyPair:
    """A fresh key, and a certificate of `authority` for it."""
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    signer = load_pem_private_key(authority.key, None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)  # noqa: S101 - we made it
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(_name(subject.common_name, subject.group), issuer.subject, key.public_key(), now, life)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage(_purposes(subject)), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()),  # type: ignore[arg-type]
            critical=False,
        )
    )
    if alternatives := _alternatives(subject):
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return _pair(builder.sign(signer, SHA256()), key)


def fits(pair: KeyPair, authority: KeyPair, subject: Subject) -> bool:
    """Whether the pair is whole, of this authority, and for exactly this subject. Its end is another question."""
    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate)
        issuer = x509.load_pem_x509_certificate(authority.certificate)
        key = load_pem_private_key(pair.key, None)
        certificate.verify_directly_issued_by(issuer)
        purposes = set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return (
        _public(key.public_key()) == _public(certificate.public_key())
        and certificate.subject == _name(subject.common_name, subject.group)
        and purposes == set(_purposes(subject))
        and _names_in(certificate) == set(_alternatives(subject))
    )


def end_of(pair: KeyPair) -> datetime:
    """When the certificate ends, in UTC."""
    return x509.load_pem_x509_certificate(pair.certificate).not_valid_after_utc


def new_signing_pair() -> KeyPair:
    """A key that signs tokens: `certificate` is the bare public key."""
    key = ec.generate_private_key(ec.SECP256R1())
    return KeyPair(_public(key.public_key()), _private(key))


def _names_in(certificate: x509.Certificate) -> set[x509.GeneralName]:
    try:
        return set(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return set()


def _alternatives(subject: Subject) -> list[x509.GeneralName]:
    names: Iterable[x509.GeneralName] = (x509.DNSName(name) for name in subject.names)
    return [*names, *(x509.IPAddress(address) for address in subject.addresses)]


def _purposes(subject: Subject) -> list[x509.ObjectIdentifier]:
    server = [ExtendedKeyUsageOID.SERVER_AUTH] if subject.server else []
    return [*server, *([ExtendedKeyUsageOID.CLIENT_AUTH] if subject.client else [])]


def _name(common_name: str, group: str | None) -> x509.Name:
    organization = [] if group is None else [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group)]
    return x509.Name([*organization, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SLACK)
        .not_valid_after(now + life)
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


def _public(key: object) -> bytes:
    assert isinstance(key, ec.EllipticCurvePublicKey)  # noqa: S101 - no other kind is made here
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> KeyPair:
    return KeyPair(certificate.public_bytes(Encoding.PEM), _private(key))
