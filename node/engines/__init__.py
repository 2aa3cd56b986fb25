"""Engines: bounded aggregates over patients' rows, for a charge."""
