"""Certificates, keys and tokens of a cluster, as values: pure, but for store/, which makes and keeps them."""

from .key_pair import KeyPair
from .node_keys import KeySpec, key_specs
from .secrets import PUSH_USER, KubernetesSecrets, Secrets

__all__ = ["PUSH_USER", "KeyPair", "KeySpec", "KubernetesSecrets", "Secrets", "key_specs"]
