"""What machines lack while a service is down, in words for people."""

from __future__ import annotations

LOSS = {
    "dnsmasq": "no machine is given an address, a name or what it boots",
    "cloudconfig": "no machine boots, installs or reports",
    "registry": "no machine can fetch a container image",
    "updater": "no OS release is looked for or verified",
    "time": "no machine is told the time",
}
