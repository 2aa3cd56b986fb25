"""The wire format, by version."""
