"""The contract of one-time tokens, the same on SQLite and on PostgreSQL."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from coordinator import schema
from coordinator.errors import StoreError
from coordinator.tokens import Tokens, open_tokens
from protocols.enrolment import MOST_WRONG_TOKENS, TOKEN_LIFE, Member, Token
from protocols.errors import EnrolmentError, EnrolmentFault
from tests.coordinator.enrolment_desk import ADA, BERLIN, OSLO
from tests.protocols.examples import NOW

SECOND = timedelta(seconds=1)


@pytest.fixture
def tokens(engine: Engine) -> Tokens:
    schema.migrate(engine)
    return Tokens(engine)


def fault(take: Callable[[], None]) -> EnrolmentFault | None:
    try:
        take()
    except EnrolmentError as error:
        return error.fault
    return None


def wrong(tokens: Tokens, who: Member = BERLIN, number: int = 1, at: timedelta = timedelta()) -> None:
    for _ in range(number):
        assert fault(lambda: tokens.take(Token.new(), who, NOW + at)) is EnrolmentFault.TOKEN_UNKNOWN


def test_a_token_lets_one_in_once(tokens: Tokens) -> None:
    token = tokens.make(BERLIN, NOW)
    tokens.take(token, BERLIN, NOW)
    assert fault(lambda: tokens.take(token, BERLIN, NOW)) is EnrolmentFault.TOKEN_USED


@pytest.mark.parametrize(
    ("passed", "expected"),
    [
        (timedelta(), None),
        (TOKEN_LIFE - SECOND, None),
        (TOKEN_LIFE, EnrolmentFault.TOKEN_LATE),
        (timedelta(days=20), EnrolmentFault.TOKEN_LATE),
        (-SECOND, EnrolmentFault.TOKEN_LATE),
        (timedelta(days=-3652), EnrolmentFault.TOKEN_LATE),
        (timedelta(days=3652), EnrolmentFault.TOKEN_LATE),
    ],
)
def test_a_token_is_good_for_a_quarter_of_an_hour(
    tokens: Tokens, passed: timedelta, expected: EnrolmentFault | None
) -> None:
    token = tokens.make(BERLIN, NOW)
    assert fault(lambda: tokens.take(token, BERLIN, NOW + passed)) is expected


def test_no_token_is_no_token(tokens: Tokens) -> None:
    tokens.make(BERLIN, NOW)
    assert fault(lambda: tokens.take(None, BERLIN, NOW)) is EnrolmentFault.TOKEN_MISSING


def test_a_token_is_anothers_under_no_name(tokens: Tokens) -> None:
    token = tokens.make(BERLIN, NOW)
    assert fault(lambda: tokens.take(token, OSLO, NOW)) is EnrolmentFault.TOKEN_UNKNOWN
    tokens.take(token, BERLIN, NOW)


def test_the_store_has_hashes_alone(tokens: Tokens, engine: Engine) -> None:
    token = tokens.make(BERLIN, NOW)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM token")).all()
    assert token.octets not in b"".join(repr(row).encode() for row in rows)
    assert [bytes(row.hash) for row in rows] == [token.digest_for(BERLIN).octets]


def test_the_tenth_wrong_one_burns_what_is_open_for_that_member(tokens: Tokens) -> None:
    first, second, other = (tokens.make(who, NOW) for who in (BERLIN, BERLIN, OSLO))
    wrong(tokens, number=MOST_WRONG_TOKENS - 1)
    tokens.take(first, BERLIN, NOW)
    wrong(tokens)
    assert fault(lambda: tokens.take(second, BERLIN, NOW)) is EnrolmentFault.TOKEN_BURNT
    assert fault(lambda: tokens.take(first, BERLIN, NOW)) is EnrolmentFault.TOKEN_USED
    tokens.take(other, OSLO, NOW)
    fresh, again = tokens.make(BERLIN, NOW), tokens.make(BERLIN, NOW)
    tokens.take(fresh, BERLIN, NOW)
    wrong(tokens)
    assert fault(lambda: tokens.take(again, BERLIN, NOW)) is EnrolmentFault.TOKEN_BURNT


def test_wrong_ones_are_forgotten_after_a_quarter_of_an_hour(tokens: Tokens) -> None:
    wrong(tokens, number=MOST_WRONG_TOKENS - 1)
    token = tokens.make(BERLIN, NOW + TOKEN_LIFE)
    wrong(tokens, at=TOKEN_LIFE)
    tokens.take(token, BERLIN, NOW + TOKEN_LIFE)


def test_a_clock_set_back_forgets_nothing(tokens: Tokens) -> None:
    wrong(tokens, number=MOST_WRONG_TOKENS - 1)
    earlier = timedelta(days=-1)
    token = tokens.make(BERLIN, NOW + earlier)
    wrong(tokens, at=earlier)
    assert fault(lambda: tokens.take(token, BERLIN, NOW + earlier)) is EnrolmentFault.TOKEN_BURNT


def test_a_thousand_guesses_let_nobody_in(tmp_path: Path) -> None:
    tokens = open_tokens(tmp_path / "coordinator.db")
    token = tokens.make(ADA, NOW)
    wrong(tokens, ADA, 1_000)
    assert fault(lambda: tokens.take(token, ADA, NOW)) is EnrolmentFault.TOKEN_BURNT
    tokens.close()


def test_two_programs_at_once_take_it_once(tmp_path: Path) -> None:
    """Each with connections of its own to the file, as the command and the coordinator have."""
    path = tmp_path / "coordinator.db"
    programs = [open_tokens(path) for _ in range(4)]
    made = [programs[0].make(BERLIN, NOW) for _ in range(25)]
    ready = threading.Barrier(4)
    outcomes: list[tuple[Token, EnrolmentFault | None]] = []

    def run(program: Tokens) -> None:
        ready.wait()
        outcomes.extend((token, fault(lambda t=token: program.take(t, BERLIN, NOW))) for token in made)  # type: ignore[misc]

    threads = [threading.Thread(target=run, args=(one,)) for one in programs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one is None for _, one in outcomes) == len(made)
    assert {token for token, one in outcomes if one is None} == set(made)
    assert {one for _, one in outcomes} == {None, EnrolmentFault.TOKEN_USED}
    for program in programs:
        program.close()


def test_a_token_outlives_a_restart_and_so_does_its_use(tmp_path: Path) -> None:
    path = tmp_path / "coordinator.db"
    before = open_tokens(path)
    kept, used = before.make(BERLIN, NOW), before.make(BERLIN, NOW)
    before.take(used, BERLIN, NOW)
    before.close()
    after = open_tokens(path)
    after.take(kept, BERLIN, NOW)
    assert fault(lambda: after.take(used, BERLIN, NOW)) is EnrolmentFault.TOKEN_USED
    after.close()


def test_old_hashes_go_and_their_tokens_are_still_refused(tokens: Tokens, engine: Engine) -> None:
    token = tokens.make(BERLIN, NOW)
    tokens.take(token, BERLIN, NOW)
    later = NOW + timedelta(days=31)
    tokens.make(OSLO, later)
    with engine.connect() as connection:
        assert len(connection.execute(text("SELECT * FROM token")).all()) == 1
    assert fault(lambda: tokens.take(token, BERLIN, later)) is EnrolmentFault.TOKEN_UNKNOWN
    assert fault(lambda: tokens.take(token, BERLIN, NOW)) is EnrolmentFault.TOKEN_UNKNOWN


def test_a_store_that_fails_lets_nobody_in(tokens: Tokens, engine: Engine) -> None:
    token = tokens.make(BERLIN, NOW)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE token"))
    with pytest.raises(StoreError):
        tokens.take(token, BERLIN, NOW)
