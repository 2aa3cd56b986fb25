"""A coordinator that has been breached, and what it then achieves at a node."""
