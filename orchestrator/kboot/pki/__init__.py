"""Authorities, certificates and tokens of a cluster."""

from .authority import KeyPair
from .secrets import PUSH_USER, Secrets, load_or_create

__all__ = ["PUSH_USER", "KeyPair", "Secrets", "load_or_create"]
