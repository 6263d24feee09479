"""Renders a description and its secrets to every file of the cluster. Pure: nothing is read, opened or asked."""

from .all import render
from .attachments import Attachments
from .files import RenderedFile

__all__ = ["Attachments", "RenderedFile", "render"]
