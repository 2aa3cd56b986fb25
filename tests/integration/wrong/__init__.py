"""Wrong uses of every command: tables of them, and the bench on which they are tried."""
