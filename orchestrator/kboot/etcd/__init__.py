"""etcd from the bootstrapper: a snapshot of it, and the way back to one."""
