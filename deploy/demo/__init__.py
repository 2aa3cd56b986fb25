"""The demonstration: four real centres on this machine, four questions, one centre lost."""
