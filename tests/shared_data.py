"""Data that this project did not write: beside the checkout, or the test is skipped."""

from pathlib import Path

import pytest

_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared(name: str) -> Path:
    """Find a file or folder of the shared data; skips the test, with the reason, without it."""
    path = _DATA / name
    if not path.exists():
        pytest.skip(f"the shared data has no {name} beside this checkout")
    return path
