"""Reads what kboot last wrote of certificates and images."""

from __future__ import annotations

from pydantic import ValidationError

from kboot_clusterdesc.shared_files import SUMMARY
from kboot_clusterdesc.summary import Summary

from .fleet import Fleet


def summary_of(fleet: Fleet) -> Summary | None:
    """Return the summary; None where an older kboot wrote none, or it does not read."""
    try:
        content = fleet.files.content(f"{fleet.settings.config}/{SUMMARY}")
        return Summary.model_validate_json(content)
    except (OSError, ValidationError):
        return None
