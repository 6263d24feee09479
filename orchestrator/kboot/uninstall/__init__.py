"""Takes away everything of kboot on this machine: lists it, then removes it."""
