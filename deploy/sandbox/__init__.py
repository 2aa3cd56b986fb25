"""A local federation from files: real processes on loopback, everything under one folder."""
