"""Checks before a change: whether it can end well."""
