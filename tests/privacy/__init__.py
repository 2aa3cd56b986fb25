"""Loss, noise and accounting: laws first, then reference values, then what must be refused."""
