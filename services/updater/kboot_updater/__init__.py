"""The updater: keeps verified OS releases in the store that machines boot and install from."""
