"""Turns a cluster description of k8sp/sextant into one of kboot's."""
