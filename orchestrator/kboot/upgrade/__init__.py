"""Brings machines that run to the configs that `kboot up` rendered, one after the other."""
