"""Brings together what a bundle holds, a file a kind: fetched once, kept in the cache under its hash."""
