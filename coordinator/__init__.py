"""Combines what the centres release, and serves the analyst. It never holds a patient's record."""
