"""What must hold between keys; one file a subject."""

from .all import problems_of

__all__ = ["problems_of"]
