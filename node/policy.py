"""The custodian's rules over a query: stricter than any study, never looser. spec/policy.md. Pure.

The policy is a TOML file that the centre's own privacy officer signed. What it does not mention is
not allowed; every key must be there, because a forgotten one would be a silent decision.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from node.hours import Hours
from privacy.disclosure import Rule
from privacy.loss import Loss
from protocols.ids import OfficerId
from protocols.queries import Mode, Scope, SignedTerms
from protocols.query_fields import fields_of
from protocols.signed_text import Fields, SignedText, read_toml
from protocols.studies import Study, limit, rule_named

MOST_PERIOD_DAYS = 3_660
DEFAULT_TICK_MS = 1_000
LONGEST_TICK_MS = 60_000
"""An answer may have to wait for a whole tick, and whoever asked waits with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressedPolicy:
    """What mode `suppressed` shows here, and how often it may be asked over the registry's life.

    `unlisted_tables` lets a study say that it may ask for any table; for sandboxes.
    """

    rule: Rule
    questions: int
    study_questions: int
    unlisted_tables: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A centre's rules. A cap of None is `unlimited`; losses are rho, zCDP.

    `analyst_cap` is for all analysts of one institution within a study together, `period_cap` for all studies
    in `period_days` days. `hours` None is always; `release_tick` zero is none. `suppressed` is there exactly
    when the modes name it.
    """

    modes: frozenset[Mode]
    scopes: frozenset[Scope]
    forbidden_fields: frozenset[str]
    charged_rounds_per_question: int
    longest_validity: timedelta
    query_cap: Loss | None
    registry_cap: Loss | None
    study_cap: Loss | None
    analyst_cap: Loss | None
    period_cap: Loss | None
    period_days: int
    hours: Hours | None
    release_tick_ms: int
    suppressed: SuppressedPolicy | None = None


def open_policy(octets: bytes, officer: OfficerId, key: Ed25519PublicKey) -> Policy:
    """Verify the officer's signature under a policy file, and read it. Raises SignatureError or TextError."""
    return _policy(Fields(SignedText.parse(octets).opened(officer.text, key, "policy"), "policy"))


def read_policy(octets: bytes) -> Policy:
    """Read a policy that nobody has signed yet, to check it. Raises SignatureError or TextError."""
    return policy_of(read_toml(SignedText.parse(octets).body, "policy"))


def policy_of(tree: dict[str, Any]) -> Policy:
    """Read a policy out of its TOML. Raises TextError."""
    return _policy(Fields(tree, "policy"))


def _policy(fields: Fields) -> Policy:
    fields.take("format", str)
    budget = fields.table("budget")
    modes = fields.choices("modes", Mode)
    try:
        policy = Policy(
            modes=modes,
            suppressed=_suppressed(fields.table("suppressed")) if Mode.SUPPRESSED in modes else None,
            scopes=fields.choices("scopes", Scope),
            forbidden_fields=fields.field_names("forbidden_fields"),
            charged_rounds_per_question=fields.take("charged_rounds_per_question", int),
            longest_validity=timedelta(hours=fields.take("longest_validity_hours", int)),
            query_cap=limit(budget, "query_rho"),
            registry_cap=limit(budget, "registry_rho"),
            study_cap=limit(budget, "study_rho"),
            analyst_cap=limit(budget, "analyst_rho"),
            period_cap=limit(budget, "period_rho"),
            period_days=budget.take("period_days", int),
            hours=_hours(fields),
            release_tick_ms=fields.take("release_tick_ms", int),
        )
    except OverflowError:
        raise fields.wrong("longest_validity_hours is too large") from None
    budget.done()
    fields.done()
    if policy.charged_rounds_per_question < 1:
        raise fields.wrong("charged_rounds_per_question must be at least 1")
    if policy.longest_validity <= timedelta(0):
        raise fields.wrong("longest_validity_hours must be at least 1")
    if not 1 <= policy.period_days <= MOST_PERIOD_DAYS:
        raise fields.wrong(f"period_days must be 1 to {MOST_PERIOD_DAYS}")
    if not 0 <= policy.release_tick_ms <= LONGEST_TICK_MS:
        raise fields.wrong(f"release_tick_ms must be 0 (no tick) to {LONGEST_TICK_MS}")
    return policy


def _hours(fields: Fields) -> Hours | None:
    text = fields.take("hours", str)
    if text == "always":
        return None
    try:
        return Hours.parse(text)
    except ValueError as error:
        what = f"'hours' {error}"
        raise fields.wrong(what, 'such as "08:00-18:00 Europe/Berlin", or "always"') from None


def _suppressed(fields: Fields) -> SuppressedPolicy:
    policy = SuppressedPolicy(
        rule=rule_named(fields),
        questions=fields.take("questions", int),
        study_questions=fields.take("study_questions", int),
        unlisted_tables=fields.take("unlisted_tables", bool),
    )
    fields.done()
    if min(policy.questions, policy.study_questions) < 0:
        raise fields.wrong("a number of questions is 0 or more")
    return policy


def outside_policy(terms: SignedTerms, study: Study | None, policy: Policy) -> str | None:
    """Say in one public sentence why a query is against the policy; None when it is not.

    Mode `suppressed` goes by its study; for another mode there need be none.
    """
    release = terms.query.release
    forbidden = sorted(str(name) for name in fields_of(terms.query) if str(name) in policy.forbidden_fields)
    if release.mode not in policy.modes:
        return f"the policy does not allow mode {release.mode.value}"
    if release.scope not in policy.scopes:
        return f"the policy does not allow scope {release.scope.value}"
    if forbidden:
        return f"the policy forbids the field {forbidden[0]!r}"
    if release.mode is Mode.SUPPRESSED:
        return _outside_suppressed(study, policy)
    if policy.query_cap is not None and release.loss > policy.query_cap:
        return f"the policy allows rho {policy.query_cap} in one query, and this asks for {release.loss}"
    return None


def _outside_suppressed(study: Study | None, policy: Policy) -> str | None:
    if policy.suppressed is None or study is None or study.suppressed is None:
        raise RuntimeError("mode suppressed is allowed without its rules")
    rule, wanted = policy.suppressed.rule, study.suppressed.rule
    if rule.is_looser_than(wanted):
        return f"the study wants the rule {wanted.name}, and this centre's, {rule.name}, shows more"
    if study.suppressed.tables is None and not policy.suppressed.unlisted_tables:
        return "the study lists no tables, and the policy wants them listed"
    return None


def outside_hours(policy: Policy, now: datetime) -> str | None:
    """Say in one public sentence that the policy allows no query at a moment; None when it does."""
    if policy.hours is None or policy.hours.hold(now):
        return None
    return f"the policy allows queries from {policy.hours} only"


def has_expired(terms: SignedTerms, policy: Policy, now: datetime) -> bool:
    """Say whether the terms' expiry has passed, or lies further ahead than the policy allows."""
    now_ms = int(now.timestamp() * 1000)
    longest_ms = policy.longest_validity // timedelta(milliseconds=1)
    return not now_ms < terms.not_after_ms <= now_ms + longest_ms


def stricter(one: Loss | None, other: Loss | None) -> Loss | None:
    """Give the lower of two caps; None is no cap."""
    caps = [cap for cap in (one, other) if cap is not None]
    return min(caps) if caps else None


def caps_of(policy: Policy, study: Study) -> tuple[Loss | None, Loss | None, Loss | None]:
    """Give the caps in force for the registry, the study, and an institution's analysts in it."""
    return (
        policy.registry_cap,
        stricter(policy.study_cap, study.study_budget),
        stricter(policy.analyst_cap, study.analyst_budget),
    )


def questions_of(policy: Policy, study: Study) -> tuple[int, int]:
    """Give the most questions of mode `suppressed`, in all and for the study; zero where it is off."""
    if policy.suppressed is None or study.suppressed is None:
        return 0, 0
    return (
        policy.suppressed.questions,
        min(policy.suppressed.study_questions, study.suppressed.questions),
    )
