"""The binaries and node images that machines fetch from the bootstrapper: brought there, listed, verified."""
