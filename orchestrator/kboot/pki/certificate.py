"""Reads a certificate, and tells whether a pair is what it should be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .key_pair import KeyPair, Subject

_MARK = b"-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says: whose it is, who issued it, when it ends."""

    subject: Subject
    issuer: str  # its common name
    is_authority: bool
    end: datetime


@lru_cache(1 << 15)  # `kboot up` looks at those of thousands of machines twice
def read_certificate(pem: bytes) -> Certificate:
    """Return what the certificate `pem` says; raise ValueError where it is none."""
    return _facts_of(x509.load_pem_x509_certificate(pem))


def read_certificates(pem: bytes) -> list[Certificate]:
    """Return every certificate in `pem`, which may hold other things too; raise ValueError where one cannot be read."""
    return [_facts_of(each) for each in x509.load_pem_x509_certificates(pem)] if _MARK in pem else []


def _facts_of(certificate: x509.Certificate) -> Certificate:
    return Certificate(
        _subject(certificate),
        next(iter(_texts(certificate.issuer, NameOID.COMMON_NAME)), ""),
        _is_authority(certificate),
        certificate.not_valid_after_utc,
    )


def fits(pair: KeyPair, authority: KeyPair, subject: Subject) -> bool:
    """Return whether the pair is whole, issued by `authority`, and for exactly `subject`; its end is not looked at."""
    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate)
        certificate.verify_directly_issued_by(_authority(authority.certificate))
    except (ValueError, TypeError, InvalidSignature):
        return False
    return _facts(_subject(certificate)) == _facts(subject) and _has_public_key(pair.key, certificate.public_key())


@lru_cache(8)  # one authority is asked for thousands of machines
def _authority(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


def is_whole(pair: KeyPair) -> bool:
    """Return whether the private key belongs to the certificate, or to the bare public key in its place."""
    try:
        if _MARK in pair.certificate:
            return _has_public_key(pair.key, x509.load_pem_x509_certificate(pair.certificate).public_key())
        return _has_public_key(pair.key, load_pem_public_key(pair.certificate))
    except (ValueError, TypeError):
        return False


def _has_public_key(pem: bytes, public: object) -> bool:
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        return False
    return isinstance(key, ec.EllipticCurvePrivateKey) and key.public_key() == public


def end_of(pair: KeyPair) -> datetime:
    """Return when the certificate of `pair` ends, in UTC."""
    return x509.load_pem_x509_certificate(pair.certificate).not_valid_after_utc


def _subject(certificate: x509.Certificate) -> Subject:
    purposes: list[x509.ObjectIdentifier] = []
    names = x509.SubjectAlternativeName([])
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.ExtendedKeyUsage):
            purposes = list(extension.value)
        elif isinstance(extension.value, x509.SubjectAlternativeName):
            names = extension.value
    return Subject(
        common_name=next(iter(_texts(certificate.subject, NameOID.COMMON_NAME)), ""),
        groups=_texts(certificate.subject, NameOID.ORGANIZATION_NAME),
        server=ExtendedKeyUsageOID.SERVER_AUTH in purposes,
        client=ExtendedKeyUsageOID.CLIENT_AUTH in purposes,
        names=tuple(names.get_values_for_type(x509.DNSName)),
        addresses=tuple(
            address for address in names.get_values_for_type(x509.IPAddress) if isinstance(address, IPv4Address)
        ),
    )


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:  # ours have it; an operator's own need not
        return False


def _texts(name: x509.Name, oid: x509.ObjectIdentifier) -> tuple[str, ...]:
    return tuple(str(attribute.value) for attribute in name.get_attributes_for_oid(oid))


def _facts(subject: Subject) -> tuple[object, ...]:
    """Return what tells one subject from another; the order of its names does not."""
    several = (subject.groups, subject.names, subject.addresses)
    return subject.common_name, subject.server, subject.client, *map(frozenset, several)


def public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the public key that belongs to `key`, as PEM."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
