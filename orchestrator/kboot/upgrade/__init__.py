"""Brings running machines to the node configs that `kboot up` rendered, one after the other."""
