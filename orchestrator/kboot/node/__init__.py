"""Node configs: one model, two dialects."""

from .cloud_config import cloud_config
from .config import DropIn, File, NodeConfig, Unit, User
from .extra import read_extra
from .ignition import ignition

__all__ = ["DropIn", "File", "NodeConfig", "Unit", "User", "cloud_config", "ignition", "read_extra"]
