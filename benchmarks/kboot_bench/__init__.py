"""Measures kboot beside what a site would take instead, in one run on one machine; `benchmarks/bench.py` runs it."""
