"""From an envelope's bytes to the bytes that leave: the gate's answer, signed.

Whatever goes wrong in one query is logged by the name of its type, and answered as `failed`; a broken
ledger goes up, and stops the node.
"""

import logging

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.errors import LedgerError
from node.gate import Gate
from protocols.codec.answers import encode_signed_answer
from protocols.envelope import sign_answer, sign_planned
from protocols.ids import UNREAD, CentreId
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Answer, Planned

_log = logging.getLogger("skerry.node")


class Answering:
    """Answers queries and plans of one centre, one at a time."""

    def __init__(self, gate: Gate, centre: CentreId, identity: Ed25519PrivateKey) -> None:
        self._gate = gate
        self._centre = centre
        self._identity = identity

    def answer(self, envelope: bytes) -> bytes:
        """Answer a query and sign. Raises LedgerError."""
        try:
            answer = self._gate.answer(envelope)
        except LedgerError:
            raise
        except Exception as error:  # noqa: BLE001 -- the one broad net: a type's name, never its text
            _log.error("event=answer_failed type=%s", type(error).__name__)
            refusal = Refusal(code=RefusalCode.FAILED)
            answer = Answer(centre=self._centre, query_id=UNREAD, outcome=refusal)
        if isinstance(answer.outcome, Refusal):
            _log.info("event=refused query=%s code=%s", answer.query_id, answer.outcome.code.word)
        else:
            receipt = answer.outcome.receipt
            _log.info("event=released query=%s charged_rho=%s", answer.query_id, receipt.charged)
        return encode_signed_answer(sign_answer(answer, self._identity))

    def plan(self, envelope: bytes) -> bytes:
        """Plan and sign. Raises LedgerError."""
        try:
            planned = self._gate.plan(envelope)
        except LedgerError:
            raise
        except Exception as error:  # noqa: BLE001 -- as in `answer`
            _log.error("event=plan_failed type=%s", type(error).__name__)
            refusal = Refusal(code=RefusalCode.UNAVAILABLE)
            planned = Planned(centre=self._centre, query_id=UNREAD, outcome=refusal)
        return encode_signed_answer(sign_planned(planned, self._identity))
