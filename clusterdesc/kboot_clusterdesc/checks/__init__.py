"""The rules that hold between the keys of a description, one file for each subject."""

from .all import problems_of

__all__ = ["problems_of"]
