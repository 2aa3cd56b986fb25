"""An officer's desk: a centre whose ledger has a history of some months, and its commands."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from node.ledger.ledger import Ledger
from privacy.loss import ZERO, Loss
from protocols.queries import Query
from protocols.refusals import RefusalCode
from tests.node.custodian_desk import CustodianDesk, open_desk
from tests.node.ledger_desk import FREE, charged, released, spend

TENTH = Loss.parse("0.1")
STUDY = "sandbox"


@dataclass
class OfficerDesk:
    """The centre `berlin`; its ledger's clock stands where `now` says."""

    desk: CustodianDesk
    now: datetime

    @property
    def path(self) -> Path:
        return self.desk.data / "ledger.db"

    @property
    def ledger(self) -> Ledger:
        self.desk.data.mkdir(parents=True, exist_ok=True)
        return Ledger(self.path, lambda: self.now)

    def release(
        self, question: str | Query, loss: Loss = TENTH, *, analyst: str = "ada", study: str = STUDY
    ) -> None:
        one = spend(question, loss, analyst=analyst, study=study, registry="small")
        released(self.ledger, one, f"release of {question}".encode())

    def repeat(self, question: str, loss: Loss = TENTH, *, analyst: str = "bob") -> None:
        self.ledger.charge(spend(question, loss, analyst=analyst, study=STUDY, registry="small"), FREE)

    def refuse(self, code: RefusalCode = RefusalCode.OUTSIDE_POLICY) -> None:
        one = spend("refused", study=STUDY)
        self.ledger.note_refusal(one.analyst, one.study, one.query_id, code)

    def end(self, question: str, state: str) -> None:
        """Charge, and let the answer fail or be withheld."""
        loss = ZERO if state == "withheld" else TENTH
        ledger = self.ledger
        charge = charged(ledger, spend(question, loss, study=STUDY, registry="small"))
        ledger.withhold(charge) if state == "withheld" else ledger.fail(charge)

    def edit(self, statement: str, *values: object) -> None:
        """Change the ledger behind its back."""
        db = sqlite3.connect(self.path, isolation_level=None)
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        assert db.execute(statement, values).rowcount > 0
        db.close()


def officer_desk(root: Path, output: pytest.CaptureFixture[str], now: datetime | None = None) -> OfficerDesk:
    """A desk whose ledger is still to be written; its clock stands at noon today."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    return OfficerDesk(open_desk(root, output), now or noon)


def with_history(office: OfficerDesk) -> OfficerDesk:
    """Everything that can happen to a question, in this month and in the one before."""
    this, before = office.now, (office.now.replace(day=1) - timedelta(days=1))
    office.now = before
    for number in range(3):
        office.release(f"old {number}")
    office.now = this
    for number in range(2):
        office.release(f"new {number}", analyst="bob")
    office.release("table", ZERO)
    office.repeat("new 0", analyst="eve")
    office.refuse()
    office.refuse(RefusalCode.EXPIRED)
    office.end("fails", "failed")
    office.end("secret", "withheld")
    return office
