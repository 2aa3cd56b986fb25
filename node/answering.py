"""From an envelope's bytes to the bytes that leave: the gate's answer, signed, then sealed to who asked.

* The envelope is opened first, apart from all else: from then on it is known who asked, and whatever is
  said, a failure too, is sealed to them (spec/sealing.md 4).
* What could not be opened has no reader. Its refusal goes in the open; nothing was charged for it.
* Whatever goes wrong in one query is logged by the name of its type, and answered as `failed`; a broken
  ledger goes up, and stops the node.
"""

import logging
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.errors import LedgerError
from node.gate import Asked, Gate
from protocols.answers import context_of, in_the_open, sealed_to, sign_answer, sign_planned
from protocols.envelope import Purpose
from protocols.ids import UNREAD, CentreId
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Answer, Planned, SignedAnswer

_log = logging.getLogger("skerry.node")
_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class Answering:
    """Answers queries and plans of one centre, one at a time."""

    def __init__(self, gate: Gate, centre: CentreId, identity: Ed25519PrivateKey) -> None:
        self._gate = gate
        self._centre = centre
        self._identity = identity

    def answer(self, envelope: bytes) -> bytes:
        """Answer a query, sign and seal. Raises LedgerError."""
        asked = self._opened(envelope, Purpose.QUERY)
        if isinstance(asked, Refusal):
            answer = Answer(centre=self._centre, query_id=UNREAD, outcome=asked)
            _log_outcome(answer)
            return in_the_open(sign_answer(answer, self._identity))
        failed = Answer(
            centre=self._centre, query_id=asked.terms.query_id, outcome=Refusal(code=RefusalCode.FAILED)
        )
        answer = _netted("answer_failed", failed, self._gate.answer, asked)
        _log_outcome(answer)
        return self._sealed(sign_answer(answer, self._identity), asked)

    def plan(self, envelope: bytes) -> bytes:
        """Plan, sign and seal. Raises LedgerError."""
        asked = self._opened(envelope, Purpose.PLAN)
        if isinstance(asked, Refusal):
            planned = Planned(centre=self._centre, query_id=UNREAD, outcome=asked)
            return in_the_open(sign_planned(planned, self._identity))
        failed = Planned(
            centre=self._centre, query_id=asked.terms.query_id, outcome=Refusal(code=RefusalCode.UNAVAILABLE)
        )
        planned = _netted("plan_failed", failed, self._gate.plan, asked)
        return self._sealed(sign_planned(planned, self._identity), asked)

    def _opened(self, envelope: bytes, purpose: Purpose) -> Asked | Refusal:
        # Nothing is charged before the envelope is open: bytes that even break the opening are unreadable.
        unreadable: Asked | Refusal = Refusal(code=RefusalCode.UNREADABLE)
        return _netted("opening_failed", unreadable, self._gate.opened, envelope, purpose)

    def _sealed(self, signed: SignedAnswer, asked: Asked) -> bytes:
        context = context_of(asked.purpose, self._centre, asked.asker.id, asked.terms.query_id)
        return sealed_to(signed, asked.asker.keys.sealing, context)


def _netted(event: str, otherwise: _T, work: Callable[[*_Ts], _T], *arguments: *_Ts) -> _T:
    """Do something for one query, whatever goes wrong. Raises LedgerError."""
    try:
        return work(*arguments)
    except LedgerError:
        raise
    except Exception as error:  # noqa: BLE001 -- the one broad net: a type's name, never its text
        _log.error("event=%s type=%s", event, type(error).__name__)
        return otherwise


def _log_outcome(answer: Answer) -> None:
    if isinstance(answer.outcome, Refusal):
        _log.info("event=refused query=%s code=%s", answer.query_id, answer.outcome.code.word)
    else:
        _log.info("event=released query=%s charged_rho=%s", answer.query_id, answer.outcome.receipt.charged)
