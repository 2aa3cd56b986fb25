"""Mathematics and randomness of privacy: no files, sockets, clocks or logs."""
