"""Containers, units, the sandbox, the runbook: starts the real programs and imports none of them."""
