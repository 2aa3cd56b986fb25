"""The analyst's library: `connect(profile)`, then `describe()` and `ask(query)`."""

# The one package that hands names on: it is what analysts import in their notebooks.
from coordinator.analyst.progress import Lines
from coordinator.analyst.registry import Registry, connect
from coordinator.analyst.result import Result

__all__ = ["Lines", "Registry", "Result", "connect"]
