#!/bin/bash
# Copies the loaders out of their image.
set -euo pipefail
cp -r /loaders /scratch/loaders
cp /loaders/disk.pxe /scratch/
