"""The ledger: durable charges and releases, in an append-only Merkle log."""
