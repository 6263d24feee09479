#!/bin/bash
# Copies the loaders out of their image.
set -euo pipefail
cp -r /loaders /work/loaders
cp /loaders/disk.pxe /work/
