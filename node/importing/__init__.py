"""From a centre's files to one immutable encrypted snapshot: read, check, commit (spec/importing.md)."""
