"""etcd, seen from the bootstrapper: who has a vote, which version it may come to, snapshots and the way back."""
