"""Looks before something is changed: whether it can end well."""
