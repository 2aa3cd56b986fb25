"""The longer proofs: kills by the thousand, noise by the hundred thousand. Figures beside this file."""
