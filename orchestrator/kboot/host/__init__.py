"""This machine: its container engine, the cluster's folder, its interfaces, and what every command needs of it."""
