"""Queries, signed terms and envelopes as bytes. wire/v1/query.proto, spec/envelope.md."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import assert_never

from protocols.canonical import decimal_text, sha256
from protocols.codec.strict import decoder, encoded, loss, number, parsed
from protocols.dictionary import Code, FieldName
from protocols.errors import WireError
from protocols.ids import AnalystId, CentreId, Digest, QueryId, StudyId
from protocols.queries import (
    All,
    Any,
    Between,
    Cohort,
    Kind,
    Missing,
    Mode,
    Not,
    OneOf,
    Query,
    ReleaseTerms,
    Scope,
    SignedTerms,
    Statistic,
)
from protocols.wire.v1 import query_pb2 as pb

MAX_ENVELOPE_BYTES = 2**20
"""Terms are read before their signature is checked, so that the sender is not yet known: a larger
envelope would let whoever relays it fill a node's memory. A coordinator takes no more either."""

_KINDS = {
    Kind.COUNT: pb.KIND_COUNT,
    Kind.SUM: pb.KIND_SUM,
    Kind.MEAN: pb.KIND_MEAN,
    Kind.VARIANCE: pb.KIND_VARIANCE,
    Kind.PROPORTION: pb.KIND_PROPORTION,
    Kind.HISTOGRAM: pb.KIND_HISTOGRAM,
    Kind.QUANTILES: pb.KIND_QUANTILES,
}
_MODES = {Mode.DP: pb.MODE_DP, Mode.SUPPRESSED: pb.MODE_SUPPRESSED}
_SCOPES = {Scope.CENTRE: pb.SCOPE_CENTRE}
_KIND_OF = {number: kind for kind, number in _KINDS.items()}
_MODE_OF = {number: mode for mode, number in _MODES.items()}
_SCOPE_OF = {number: scope for scope, number in _SCOPES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The exact bytes that an analyst signed, and the signature."""

    terms: bytes
    signature: bytes


def question_digest(query: Query) -> Digest:
    """Give the digest that names a canonical query."""
    return digest_of_encoded(encode_query(query))


def digest_of_encoded(octets: bytes) -> Digest:
    """Give the digest that names a canonical query, of its bytes."""
    return sha256("skerry/1 question", octets)


def encode_query(query: Query) -> bytes:
    """Encode a query by itself, as it stands in a release that contains another's answer."""
    return encoded(_query_out(query))


@decoder
def decode_query(octets: bytes) -> Query:
    """Decode a query. Raises WireError."""
    return _query_in(parsed(pb.Query, octets))


def encode_cohort(cohort: Cohort) -> bytes:
    """Encode a condition: the order of `and` and `or` in canonical form is that of these bytes."""
    return encoded(_cohort_out(cohort))


def encode_terms(terms: SignedTerms) -> bytes:
    """Encode what is to be signed."""
    return encoded(
        pb.SignedTerms(
            query=_query_out(terms.query),
            query_id=terms.query_id.octets,
            study=terms.study.text,
            analyst=terms.analyst.text,
            audience=[centre.text for centre in terms.audience],
            dictionary=terms.dictionary.octets,
            not_after_ms=terms.not_after_ms,
        )
    )


@decoder
def decode_terms(octets: bytes) -> SignedTerms:
    """Decode signed terms. Raises WireError."""
    message = parsed(pb.SignedTerms, octets)
    audience = tuple(CentreId(name) for name in message.audience)
    if not audience or list(audience) != sorted(set(audience)):
        raise WireError("an audience names at least one centre, in order, none twice")
    return SignedTerms(
        query=_query_in(message.query),
        query_id=QueryId(message.query_id),
        study=StudyId(message.study),
        analyst=AnalystId(message.analyst),
        audience=audience,
        dictionary=Digest(message.dictionary),
        not_after_ms=message.not_after_ms,
    )


def encode_envelope(envelope: Envelope) -> bytes:
    """Encode an envelope."""
    return encoded(pb.Envelope(terms=envelope.terms, signature=envelope.signature))


@decoder
def decode_envelope(octets: bytes) -> Envelope:
    """Decode an envelope. Raises WireError."""
    if len(octets) > MAX_ENVELOPE_BYTES:
        raise WireError("an envelope is too large")
    message = parsed(pb.Envelope, octets)
    return Envelope(terms=message.terms, signature=message.signature)


def _value_out(code: Code) -> pb.Value:
    if isinstance(code, bool):
        return pb.Value(truth=code)
    return pb.Value(number=decimal_text(code)) if isinstance(code, Decimal) else pb.Value(text=code)


def _value_in(value: pb.Value) -> Code:
    match value.WhichOneof("value"):
        case "text":
            return value.text
        case "number":
            return number(value.number)
        case "truth":
            return value.truth
        case _:
            raise WireError("a value is text, a number, true or false")


def _name_out(name: FieldName) -> pb.FieldName:
    return pb.FieldName(table=name.table, name=name.name)


def _name_in(name: pb.FieldName) -> FieldName:
    return FieldName(name.table, name.name)


def _values_in(values: Iterable[pb.Value]) -> tuple[Code, ...]:
    return tuple(_value_in(value) for value in values)


def _query_out(query: Query) -> pb.Query:
    statistic, release = query.statistic, query.release
    return pb.Query(
        statistic=pb.Statistic(
            kind=_KINDS[statistic.kind],
            table=statistic.table,
            variable=_name_out(statistic.variable) if statistic.variable else None,
            by=[_name_out(name) for name in statistic.by],
            edges=[decimal_text(edge) for edge in statistic.edges],
            codes=[_value_out(code) for code in statistic.codes],
            probabilities=[decimal_text(one) for one in statistic.probabilities],
        ),
        cohort=_cohort_out(query.cohort) if query.cohort else None,
        release=pb.ReleaseTerms(
            mode=_MODES[release.mode],
            scope=_SCOPES[release.scope],
            nano_rho=str(release.loss.nano_rho),
            delta=decimal_text(release.delta),
        ),
    )


def _query_in(query: pb.Query) -> Query:
    statistic, release = query.statistic, query.release
    kind, mode, scope = (
        _KIND_OF.get(statistic.kind),
        _MODE_OF.get(release.mode),
        _SCOPE_OF.get(release.scope),
    )
    if kind is None or mode is None or scope is None:
        raise WireError("this version does not know the statistic, mode or scope")
    return Query(
        statistic=Statistic(
            kind=kind,
            table=statistic.table,
            variable=_name_in(statistic.variable) if statistic.HasField("variable") else None,
            by=tuple(_name_in(name) for name in statistic.by),
            edges=tuple(number(edge) for edge in statistic.edges),
            codes=_values_in(statistic.codes),
            probabilities=tuple(number(one) for one in statistic.probabilities),
        ),
        cohort=_cohort_in(query.cohort) if query.HasField("cohort") else None,
        release=ReleaseTerms(
            mode=mode, scope=scope, loss=loss(release.nano_rho), delta=number(release.delta)
        ),
    )


def _cohort_out(cohort: Cohort) -> pb.Cohort:
    match cohort:
        case All(parts=parts):
            return pb.Cohort(all=pb.Parts(parts=[_cohort_out(part) for part in parts]))
        case Any(parts=parts):
            return pb.Cohort(any=pb.Parts(parts=[_cohort_out(part) for part in parts]))
        case Not(part=part):
            return pb.Cohort(negated=_cohort_out(part))
        case OneOf(field=name, codes=codes):
            return pb.Cohort(
                one_of=pb.OneOf(field=_name_out(name), codes=[_value_out(code) for code in codes])
            )
        case Between(field=name, low=low, high=high):
            return pb.Cohort(
                between=pb.Between(field=_name_out(name), low=decimal_text(low), high=decimal_text(high))
            )
        case Missing(field=name):
            return pb.Cohort(missing=_name_out(name))
        case _:
            assert_never(cohort)


def _cohort_in(cohort: pb.Cohort) -> Cohort:
    # Recursion is bounded: protobuf itself refuses more than 100 levels, query_rules more than 8.
    match cohort.WhichOneof("node"):
        case "all":
            return All(parts=tuple(_cohort_in(part) for part in cohort.all.parts))
        case "any":
            return Any(parts=tuple(_cohort_in(part) for part in cohort.any.parts))
        case "negated":
            return Not(part=_cohort_in(cohort.negated))
        case "one_of":
            return OneOf(field=_name_in(cohort.one_of.field), codes=_values_in(cohort.one_of.codes))
        case "between":
            return Between(
                field=_name_in(cohort.between.field),
                low=number(cohort.between.low),
                high=number(cohort.between.high),
            )
        case "missing":
            return Missing(field=_name_in(cohort.missing))
        case _:
            raise WireError("this version does not know a condition of the cohort")
