"""What the ledger decides by for a query of a study: the lower of the policy's caps and the study's. Pure."""

from node.ledger.balances import Limits
from node.policy import Policy, caps_of, questions_of
from protocols.studies import Study


def limits_of(policy: Policy, study: Study) -> Limits:
    """Give the caps in force for a study."""
    registry, study_cap, analyst = caps_of(policy, study)
    questions, study_questions = questions_of(policy, study)
    return Limits(
        registry=registry,
        study=study_cap,
        analyst=analyst,
        rounds=policy.charged_rounds_per_question,
        questions=questions,
        study_questions=study_questions,
        period=policy.period_cap,
        period_days=policy.period_days,
    )
