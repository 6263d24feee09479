"""The versions of Python that a bundle brings kboot for."""

PYTHONS = ("3.11", "3.12", "3.13")  # of Debian 12, Ubuntu 24.04, Debian 13
