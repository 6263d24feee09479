"""What machines fetch from the bootstrapper: binaries and container images, brought there and looked at."""
