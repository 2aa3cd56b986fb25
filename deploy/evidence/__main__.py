"""`make evidence`: runs the longer proofs and writes their figures. A proof that fails ends the run."""

import secrets
import sys
import tempfile
from pathlib import Path
from time import monotonic

from deploy.bench.figures import write
from deploy.evidence.noise import prove_noise
from deploy.evidence.suppression import prove_suppression

_LEDGER_KILLS = 1_000
_NODE_KILLS = 50
_TABLES = 2_000


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def main() -> int:
    """Run every proof."""
    # The tests are no part of the distribution: this command is for a checkout.
    from tests.node.kill_ledger import kill_ledger  # noqa: PLC0415 -- as above
    from tests.node.kill_node import kill_node  # noqa: PLC0415 -- as above
    from tests.node.kill_verdict import is_clean  # noqa: PLC0415 -- as above

    seed = secrets.randbits(32)
    _say(f"seed {seed}")
    began = monotonic()
    with tempfile.TemporaryDirectory() as name:
        _say(f"killing a ledger process {_LEDGER_KILLS:,} times")
        ledger = kill_ledger(_LEDGER_KILLS, seed, Path(name) / "ledger")
        _say(f"killing a whole node {_NODE_KILLS} times")
        node = kill_node(_NODE_KILLS, seed, Path(name) / "node")
    write("kills", seed, {"ledger": ledger, "node": node})
    _say("drawing noise")
    noise = prove_noise()
    write("noise", seed, {"noise": noise, "note": "noise is never seeded; the seed is that of the kills"})
    _say(f"attacking {_TABLES:,} suppressed tables; some minutes")
    tables = prove_suppression(_TABLES, seed)
    write("suppression", seed, {"suppression": tables})
    outcomes = [
        bool(tables["holds"]),
        is_clean(ledger),
        is_clean(node),
        *(bool(one["holds"]) for one in noise),
    ]
    verdict = "all hold" if all(outcomes) else f"{outcomes.count(False)} FAILED"
    _say(f"{verdict} after {monotonic() - began:.0f} s; figures are in deploy/evidence")
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    raise SystemExit(main())
