"""How long each kind of certificate holds, and how long before its end another one takes its place.

Certificates that Kubernetes signs itself, of kubelets that renew or join, hold as long as its controller manager says.
How long a token lets an undeclared machine join stands in kboot_clusterdesc/joined.py.
"""

from __future__ import annotations

from datetime import timedelta

AUTHORITY_LIFE = timedelta(days=3650)
SERVER_LIFE = timedelta(days=730)  # of what the bootstrapper serves with
OWN_RENEWED_BEFORE = timedelta(days=90)  # of those, by the next `kboot up`
MACHINE_LIFE = timedelta(days=365)
OPERATOR_LIFE = timedelta(days=365)
OPERATOR_RENEWED_BEFORE = timedelta(days=30)  # by the next `kboot kubeconfig`
