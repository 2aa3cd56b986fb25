"""What the events say, one by one: charges and their ends, sums, query ids; held against the indexes.

A charge itself, its row and its stored release are `charge_check`'s. Here is what only the order of
events tells: the state of each charge, keys and query ids that come again, and every sum.
"""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeAlias

from node.errors import LedgerError
from node.ledger import events
from node.ledger.balances import Sum, day_name
from node.ledger.charge_check import Row, held_against_charge
from privacy.accountant import loss_rounded_up
from privacy.errors import PrivacyError
from privacy.loss import ZERO, Loss
from protocols.canonical import sha256
from protocols.errors import ProtocolError
from protocols.queries import Mode

_STATES = ("", "charged", "released", "failed", "withheld")
_OPEN = 1
_Scope: TypeAlias = tuple[str, str]


class Recount:
    """Takes the events of a ledger in order, and each charge's row of the index beside its event."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._faults: list[str] = []
        self._states = bytearray()
        self._rows = bytearray()
        self._releases: dict[int, str] = {}
        self._asked: set[bytes] = set()
        self._policies = 0
        # A key that was charged once cannot have been charged again: only the others are followed.
        again = db.execute("SELECT key FROM charge GROUP BY key HAVING count(*) > 1")
        self._charged: dict[bytes, int | None] = {key: None for (key,) in again}
        self.counts: Counter[str] = Counter()
        self.spent: dict[_Scope, Sum] = {}
        self.charged = ZERO
        self.recounted = ZERO
        self.noise: Counter[float] = Counter()

    def take(self, seq: int, leaf: bytes, row: Row) -> None:
        """Take the next event."""
        self._states.append(0)
        self._rows.append(_STATES.index(row.state) if row.state in _STATES else 0)
        try:
            event = events.read_leaf(leaf)
            self.counts[event["kind"]] += 1
            self._take(seq, event, row)
        except (LedgerError, ProtocolError, PrivacyError, KeyError, ValueError, TypeError, OverflowError):
            self._fault(seq, "cannot be read")

    def _fault(self, seq: int, what: str) -> None:
        self._faults.append(f"event {seq}: {what}")

    def _take(self, seq: int, event: dict[str, Any], row: Row) -> None:
        match event["kind"]:
            case "charged":
                self._take_charge(seq, event, row)
            case "released" | "failed" | "withheld":
                self._take_end(seq, event)
            case "repeated":
                charge = int(event["charge"])
                if self._state(charge) == 0:
                    self._fault(seq, "repeats a charge that is not there")
                self._take_query(seq, event, charge)
            case "refused":
                pass
            case "policy":
                self._take_policy(seq, event)
            case _:
                self._fault(seq, f"unknown kind {event['kind'][:40]!r}")

    def _state(self, charge: int) -> int:
        return self._states[charge] if 0 <= charge < len(self._states) else 0

    def _take_end(self, seq: int, event: dict[str, Any]) -> None:
        charge, kind = int(event["charge"]), event["kind"]
        if self._state(charge) != _OPEN:
            self._fault(seq, f"{kind} without an open charge")
            return
        self._states[charge] = _STATES.index(kind)
        if kind == "released" and self._releases.pop(charge, "") != event["release"]:
            self._faults.append(f"charge {charge}: the stored release is not the one that was recorded")

    def _take_charge(self, seq: int, event: dict[str, Any], row: Row) -> None:
        self._states[seq] = _OPEN
        self._take_query(seq, event, seq)
        self._take_loss(seq, event)
        self._take_key(seq, bytes.fromhex(event["key"]))
        noise, faults = held_against_charge(event, row)
        self._faults += [f"charge {seq}: {what}" for what in faults]
        if row.release is not None:
            self._releases[seq] = str(sha256("skerry/1 release", row.release))
        self.noise.update(one.multiplier_rounded_down for one in noise)

    def _take_loss(self, seq: int, event: dict[str, Any]) -> None:
        charged = Loss(int(event["nano_rho"]))
        recounted = loss_rounded_up(events.noise_of(event))
        self.charged += charged
        self.recounted += recounted
        if recounted > charged:
            self._fault(seq, f"its noise costs rho {recounted}, and rho {charged} was charged")
        cost = Sum(loss=charged, questions=int(event["mode"] == Mode.SUPPRESSED.value))
        registry, study, institution = event["registry"], event["study"], event["institution"]
        at = datetime.fromisoformat(event["at"])
        if at.tzinfo is None:
            raise LedgerError("a moment has no zone")
        scopes = (
            ("registry", registry),
            ("study", study),
            ("institution", f"{study}/{institution}"),
            ("day", day_name(at, study, event["analyst"], institution)),
        )
        for scope in scopes:
            self.spent[scope] = self.spent.get(scope, Sum()) + cost
        total = self.spent["registry", registry]
        if (event["total_nano_rho"], event["total_questions"]) != (
            str(total.loss.nano_rho),
            str(total.questions),
        ):
            self._fault(seq, "its total is not what the events before it say")

    def _take_key(self, seq: int, key: bytes) -> None:
        if key not in self._charged:
            return
        earlier = self._charged[key]
        if earlier is not None and self._states[earlier] != _STATES.index("failed"):
            # Two releases of one answer would be two draws of noise for it.
            self._fault(seq, f"charges again for the answer of event {earlier}")
        self._charged[key] = seq

    def _take_policy(self, seq: int, event: dict[str, Any]) -> None:
        self._policies += 1
        row = self._db.execute("SELECT octets FROM policy WHERE seq = ?", (seq,)).fetchone()
        if row is None or hashlib.sha256(row[0]).hexdigest() != event["policy"]:
            self._fault(seq, "the policy that is kept is not the one that came into force")

    def _take_query(self, seq: int, event: dict[str, Any], charge: int) -> None:
        query = bytes.fromhex(event["query"])
        if query in self._asked:
            self._fault(seq, "takes a query id a second time")
        self._asked.add(query)
        row = self._db.execute("SELECT content, charge FROM asked WHERE query = ?", (query,)).fetchone()
        if row != (bytes.fromhex(event["content"]), charge):
            self._fault(seq, "the index of query ids is not what the events say")

    def faults(self) -> Iterator[str]:
        """Say what does not fit, now that all events have been taken."""
        yield from self._faults
        for seq, (said, stored) in enumerate(zip(self._states, self._rows, strict=True)):
            if said != stored:
                yield f"charge {seq}: its state is {_STATES[stored]!r}, and the events say {_STATES[said]!r}"
        yield from self._faults_of_counts()
        yield from _differences(self.spent, _stored(self._db))

    def _faults_of_counts(self) -> Iterator[str]:
        for table, expected in (
            ("charge", len(self._rows) - self._rows.count(0)),
            ("asked", len(self._asked)),
            ("policy", self._policies),
        ):
            there = self._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 -- constants
            if there != expected:
                yield f"the index {table!r} has {there} rows, and the events make {expected}"


def _stored(db: sqlite3.Connection) -> Iterator[tuple[_Scope, Sum | None]]:
    """Read what is noted as spent; None where it cannot be read."""
    for scope, name, nano_rho, questions in db.execute("SELECT scope, name, nano_rho, questions FROM spent"):
        try:
            yield (scope, name), Sum(loss=Loss(int(nano_rho)), questions=questions)
        except ValueError:
            yield (scope, name), None


def _differences(said: dict[_Scope, Sum], stored: Iterator[tuple[_Scope, Sum | None]]) -> Iterator[str]:
    left = dict(said)
    for scope, there in stored:
        counted = left.pop(scope, None)
        if there is None:
            yield f"{_place(scope)}: what is noted as spent cannot be read"
        elif there != counted:
            yield f"{_place(scope)}: {_words(there)} is noted as spent, the events say {_words(counted)}"
    for scope, counted in left.items():
        yield f"{_place(scope)}: nothing is noted as spent, the events say {_words(counted)}"


def _place(scope: _Scope) -> str:
    return f"{scope[0]} {scope[1][:200]!r}"


def _words(one: Sum | None) -> str:
    if one is None:
        return "nothing"
    return f"rho {one.loss}" + (f" with {one.questions} questions" if one.questions else "")
