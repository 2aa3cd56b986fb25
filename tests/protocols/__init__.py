"""What two parties agree on: words, bytes, signatures, state machines."""
