"""The registries that are shipped, as data packages."""
