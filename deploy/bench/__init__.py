"""Benchmarks: ratios against a peer or a limit in the same run, written to deploy/evidence."""
