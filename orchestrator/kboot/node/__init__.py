"""Node configs: one model, two dialects, and a document of our own."""

from .cloud_config import cloud_config
from .config import DropIn, File, NodeConfig, Unit, User
from .document import document, read_document
from .extra import read_extra
from .ignition import ignition

__all__ = [
    "DropIn",
    "File",
    "NodeConfig",
    "Unit",
    "User",
    "cloud_config",
    "document",
    "ignition",
    "read_document",
    "read_extra",
]
