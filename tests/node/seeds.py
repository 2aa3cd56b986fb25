"""Seeds that are new in every run, and told, so that a failure can be made again."""

import random
import secrets


def told(*figures: object) -> None:
    """Tell figures beside a test's outcome."""
    print(*figures)  # noqa: T201 -- pytest keeps it, and shows it with a failure


def fresh_seed() -> int:
    """A seed of 32 bits."""
    seed = secrets.randbelow(2**32)
    told("seed", seed)
    return seed


def draws(seed: int) -> random.Random:
    """Draws from a seed."""
    return random.Random(seed)  # noqa: S311 -- cases of a test, not secrets
