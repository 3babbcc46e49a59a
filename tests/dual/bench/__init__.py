"""Benchmarks: what an entry costs. `make bench` prints them; nothing here is a test, and no test depends on a time."""
