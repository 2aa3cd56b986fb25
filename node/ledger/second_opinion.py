"""The audit against a second accountant: two programs, one list of events, one epsilon. spec/ledger.md 5.

Ours: the sum of all charges, in zCDP, converted by OpenDP. Theirs: the noise of every stored release,
and of every charge without one, composed in another definition by another program. Only the audit
command asks for it: it takes a second to load.
"""

from dataclasses import dataclass
from typing import Any

from node.ledger.audit import Findings
from privacy.accountant import DEFAULT_DELTA, epsilon_of
from privacy.loss import ZERO
from privacy.second_accountant import TOLERANCE, agree, epsilon_by_renyi


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """Both totals, epsilon at delta; None where it has no finite value. Without `fault` they agree."""

    delta: float
    ours: float | None
    theirs: float | None
    fault: str

    def to_json(self) -> dict[str, Any]:
        """Give the part of the `skerry.audit/1` object."""
        return {
            "accountant": "dp-accounting, RDP",
            "delta": self.delta,
            "epsilon": self.ours,
            "second_epsilon": self.theirs,
            "tolerance": TOLERANCE,
        }


def second_opinion(findings: Findings, delta: float = DEFAULT_DELTA) -> Opinion:
    """Have the noise of an audited ledger counted a second time, and compare."""
    ours = epsilon_of(findings.charged, delta)
    if ours is None:
        # Beyond rho 7e4 no conversion gives a number, and none would mean anything.
        return Opinion(delta=delta, ours=None, theirs=None, fault="")
    theirs = epsilon_by_renyi(findings.noise, delta) if findings.noise else 0.0
    fault = "" if agree(ours, theirs) else _fault(ours, theirs, delta)
    if findings.charged == ZERO and findings.noise:
        fault = "noise was drawn, and nothing was charged"
    return Opinion(delta=delta, ours=ours, theirs=theirs, fault=fault)


def _fault(ours: float, theirs: float, delta: float) -> str:
    return (
        f"a second accountant finds epsilon {theirs:.6g} at delta {delta:g} in the noise of all releases,"
        f" and what was charged is epsilon {ours:.6g}"
    )


def verdict(findings: Findings, opinion: Opinion) -> dict[str, Any]:
    """Give the `skerry.audit/1` object: what the ledger says of itself, and what the second one says."""
    faults = [*findings.faults, *([opinion.fault] if opinion.fault else [])]
    return findings.to_json() | opinion.to_json() | {"is_clean": not faults, "faults": faults}
