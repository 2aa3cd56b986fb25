"""The contract, the figures and the dangers, held against real processes on loopback."""
