"""Brings a description into force until its services answer, or shows what that would change."""
