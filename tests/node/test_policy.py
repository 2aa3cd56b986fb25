"""The custodian's rules: what a policy file must say, and that a study never loosens it."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

import deploy.policies
from node.policy import Policy, caps_of, has_expired, open_policy, read_policy, stricter
from privacy.loss import Loss
from protocols.errors import SignatureError, TextError
from protocols.ids import OfficerId
from protocols.signed_text import SignedText
from tests.node.gate_desk import GateDesk
from tests.node.worlds import NOW

OFFICER = OfficerId("officer")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
STRICT, PERMISSIVE = (
    (Path(deploy.policies.__file__).parent / f"{name}.toml").read_text(encoding="utf-8")
    for name in ("strict", "permissive")
)
caps = st.one_of(st.none(), st.integers(0, 2**70).map(Loss))


def _signed(text: str, key: Ed25519PrivateKey = KEY, kind: str = "policy") -> bytes:
    return SignedText(body=text.encode(), signatures=()).signed_by("officer", key, kind).to_bytes()


def _opened(text: str) -> Policy:
    return open_policy(_signed(text), OFFICER, KEY.public_key())


@pytest.mark.parametrize("text", [STRICT, PERMISSIVE])
def test_the_shipped_policies_can_be_signed_and_read(text: str) -> None:
    assert _opened(text) == read_policy(text.encode())


def test_the_strict_policy_limits_every_budget_and_the_permissive_one_none() -> None:
    strict, permissive = _opened(STRICT), _opened(PERMISSIVE)
    names = ("query_cap", "registry_cap", "study_cap", "analyst_cap", "period_cap")
    assert all(getattr(strict, name) is not None for name in names)
    assert all(getattr(permissive, name) is None for name in names)


@pytest.mark.parametrize("key", re.findall(r"(?m)^(\w+) =", STRICT))
def test_a_policy_that_forgets_a_key_is_refused(key: str) -> None:
    with pytest.raises(TextError):
        _opened(re.sub(rf"(?m)^{key} = .*$", "", STRICT))


WRONG = {
    "an unknown key": STRICT + '\nspare_rho = "1"\n',
    "an unknown mode": STRICT.replace('["dp"]', '["DP"]'),
    "an unknown scope": STRICT.replace('["centre"]', '["everywhere"]'),
    "a negative budget": STRICT.replace('"0.05"', '"-0.05"'),
    "a budget of NaN": STRICT.replace('"0.05"', '"nan"'),
    "an infinite budget": STRICT.replace('"0.05"', '"inf"'),
    "a budget as a number": STRICT.replace('"0.05"', "0.05"),
    "a budget finer than a nano-rho": STRICT.replace('"0.05"', '"0.0000000001"'),
    "no round at all": STRICT.replace("question = 2", "question = 0"),
    "a truth as a number of rounds": STRICT.replace("question = 2", "question = true"),
    "no validity": STRICT.replace("hours = 24", "hours = 0"),
    "an endless validity": STRICT.replace("hours = 24", "hours = 99999999999999"),
    "hours without a zone": STRICT.replace('"always"', '"08:00-18:00"'),
    "hours of an unknown zone": STRICT.replace('"always"', '"08:00-18:00 Mars/Base"'),
    "hours that begin when they end": STRICT.replace('"always"', '"08:00-08:00 UTC"'),
    "hours after the end of the day": STRICT.replace('"always"', '"08:00-24:30 UTC"'),
    "hours that begin at the end of the day": STRICT.replace('"always"', '"24:00-08:00 UTC"'),
    "a minute that is none": STRICT.replace('"always"', '"08:60-18:00 UTC"'),
    "a path as a zone": STRICT.replace('"always"', '"08:00-18:00 ../UTC"'),
    "hours with more behind them": STRICT.replace('"always"', '"08:00-18:00 UTC "'),
    "hours as a list": STRICT.replace('"always"', '["08:00-18:00 UTC"]'),
    "a negative tick": STRICT.replace("ms = 1000", "ms = -1"),
    "a tick of more than a minute": STRICT.replace("ms = 1000", "ms = 60001"),
    "a tick as text": STRICT.replace("ms = 1000", 'ms = "1000"'),
    "a truth as a tick": STRICT.replace("ms = 1000", "ms = true"),
    "a period of no day": STRICT.replace("days = 30", "days = 0"),
    "a period beyond the calendar": STRICT.replace("days = 30", "days = 4000000"),
    "a period of a fraction": STRICT.replace("days = 30", "days = 0.5"),
    "another format": STRICT.replace("skerry.policy/1", "skerry.policy/2"),
    "no TOML": "modes = [",
}


@pytest.mark.parametrize("name", list(WRONG))
def test_a_wrong_policy_is_refused(name: str) -> None:
    assert WRONG[name] != STRICT
    with pytest.raises(TextError):
        _opened(WRONG[name])


def test_a_policy_counts_only_under_its_own_officer_s_signature() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes([1] * 32))
    signed = _signed(STRICT)
    for octets in (
        STRICT.encode(),
        _signed(STRICT, other),
        _signed(STRICT, kind="study"),
        signed.replace(b'"0.05"', b'"5.05"'),
    ):
        with pytest.raises(SignatureError):
            open_policy(octets, OFFICER, KEY.public_key())
    with pytest.raises(SignatureError):
        open_policy(signed, OfficerId("another"), KEY.public_key())


@given(one=caps, other=caps)
def test_the_lower_of_two_caps_is_in_force_whichever_comes_first(
    one: Loss | None, other: Loss | None
) -> None:
    lower = stricter(one, other)
    assert lower == stricter(other, one)
    if lower is None:
        assert one is None
        assert other is None
    else:
        assert lower in (one, other)
        assert all(cap is None or lower <= cap for cap in (one, other))


def test_a_study_tightens_a_policy_and_never_loosens_it(tmp_path: Path) -> None:
    desk = GateDesk(tmp_path, None)  # type: ignore[arg-type]
    policy, ten, one = desk.policy, Loss.parse("10"), Loss.parse("1")
    loose = replace(desk.study, study_budget=ten, analyst_budget=ten)
    tight = replace(desk.study, study_budget=one, analyst_budget=one)
    assert caps_of(policy, desk.study) == (policy.registry_cap, policy.study_cap, policy.analyst_cap)
    assert caps_of(policy, loose) == caps_of(policy, desk.study)
    assert caps_of(policy, tight) == (policy.registry_cap, one, one)


@pytest.mark.parametrize(
    ("away_ms", "is_expired"),
    [(-1, True), (0, True), (1, False), (24 * 3_600_000, False), (24 * 3_600_000 + 1, True), (2**62, True)],
)
def test_a_query_is_valid_from_now_until_the_longest_validity(
    tmp_path: Path, away_ms: int, is_expired: bool
) -> None:
    desk = GateDesk(tmp_path, None)  # type: ignore[arg-type]
    terms = replace(desk.terms(), not_after_ms=int(NOW.timestamp() * 1000) + away_ms)
    assert desk.policy.longest_validity == timedelta(hours=24)
    assert has_expired(terms, desk.policy, NOW) is is_expired
