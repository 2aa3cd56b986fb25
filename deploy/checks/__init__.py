"""Checks that `make check` runs on the checkout itself."""
