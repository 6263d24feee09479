"""Convert a cluster description of k8sp/sextant into one of kboot."""

from .sextant import Converted, convert

__all__ = ["Converted", "convert"]
