"""The cluster description: the vocabulary that launcher and services share."""

from .event_kind import EventKind
from .layout import ClusterFolder
from .load import dump, load, load_bytes, load_text
from .loader import Loader
from .model import ClusterDesc, ConfigDialect, DhcpMode, Node, Role
from .os_family import Family, FamilyNames, family_of
from .phase import Phase
from .problem import InvalidDescription, Place, Problem
from .types import AddressRange, Mac

__all__ = [
    "AddressRange",
    "ClusterDesc",
    "ClusterFolder",
    "ConfigDialect",
    "DhcpMode",
    "EventKind",
    "Family",
    "FamilyNames",
    "InvalidDescription",
    "Loader",
    "Mac",
    "Node",
    "Phase",
    "Place",
    "Problem",
    "Role",
    "dump",
    "family_of",
    "load",
    "load_bytes",
    "load_text",
]
