"""Descriptions before anything runs: a first one, an old one converted, the files beside one, remarks on one."""
