"""Authorities, certificates and tokens of a cluster."""

from .authority import KeyPair
from .node_keys import KeySpec, key_specs
from .secrets import PUSH_USER, KubernetesSecrets, Secrets, load_or_create

__all__ = ["PUSH_USER", "KeyPair", "KeySpec", "KubernetesSecrets", "Secrets", "key_specs", "load_or_create"]
