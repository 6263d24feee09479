"""The cloud-config server: boot scripts, installer, node configs, OS images and the state of every machine."""
