"""Releases, receipts and answers as bytes. wire/v1/answer.proto, spec/releases.md."""

import numpy as np

from privacy.disclosure import rule_of
from privacy.events import GaussianEvent
from privacy.loss import Loss
from protocols.codec.queries import decode_query, encode_query
from protocols.codec.strict import decoder, encoded, integer, loss, ms_of, parsed, time_of
from protocols.errors import WireError
from protocols.ids import CentreId, Digest, QueryId, SnapshotId
from protocols.queries import Query
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import (
    Answer,
    Granted,
    Planned,
    Quote,
    Receipt,
    RelayedAnswer,
    Release,
    ReleasedBlock,
    SignedAnswer,
    SuppressedTable,
)
from protocols.wire.v1 import answer_pb2 as pb


def encode_release(release: Release) -> bytes:
    """Encode a release; these bytes are stored and never change."""
    return encoded(
        pb.Release(
            centre=release.centre.text,
            question=release.question.octets,
            dictionary=release.dictionary.octets,
            snapshot=release.snapshot.octets,
            snapshot_at_ms=ms_of(release.snapshot_at),
            released_at_ms=ms_of(release.released_at),
            template_version=release.template_version,
            nano_rho=str(release.loss.nano_rho),
            cap=release.cap,
            blocks=[_block_out(block) for block in release.blocks],
            table=_table_out(release.table) if release.table else None,
        )
    )


@decoder
def decode_release(octets: bytes) -> Release:
    """Decode a release. Raises WireError."""
    message = parsed(pb.Release, octets)
    return Release(
        centre=CentreId(message.centre),
        question=Digest(message.question),
        dictionary=Digest(message.dictionary),
        snapshot=SnapshotId(message.snapshot),
        snapshot_at=time_of(message.snapshot_at_ms),
        released_at=time_of(message.released_at_ms),
        template_version=message.template_version,
        loss=loss(message.nano_rho),
        cap=message.cap,
        blocks=tuple(_block_in(block) for block in message.blocks),
        table=_table_in(message.table) if message.HasField("table") else None,
    )


def _table_out(table: SuppressedTable) -> pb.SuppressedTable:
    return pb.SuppressedTable(
        minimum=table.rule.minimum, rounding=table.rule.rounding, cells=table.cells.tolist()
    )


def _table_in(message: pb.SuppressedTable) -> SuppressedTable:
    rule = rule_of(message.minimum, message.rounding)
    if rule is None:
        raise WireError("this version does not know the rule of a suppressed table")
    return SuppressedTable(rule=rule, cells=np.array(message.cells, dtype=np.int64))


def _block_out(block: ReleasedBlock) -> pb.ReleasedBlock:
    return pb.ReleasedBlock(
        name=block.name,
        l2_squared=str(block.event.l2_squared),
        sigma=block.event.sigma,
        values=block.values.tolist(),
    )


def _block_in(block: pb.ReleasedBlock) -> ReleasedBlock:
    return ReleasedBlock(
        name=block.name,
        event=GaussianEvent(l2_squared=integer(block.l2_squared), sigma=block.sigma),
        values=np.array(block.values, dtype=np.int64),
    )


def encode_answer(answer: Answer) -> bytes:
    """Encode an answer; the centre signs these bytes."""
    message = pb.Answer(centre=answer.centre.text, query_id=answer.query_id.octets)
    if isinstance(answer.outcome, Refusal):
        message.refusal.CopyFrom(_refusal_out(answer.outcome))
    else:
        message.granted.release = answer.outcome.release
        message.granted.receipt.CopyFrom(_receipt_out(answer.outcome.receipt))
        message.granted.finer = _finer_out(answer.outcome.finer)
    return encoded(message)


@decoder
def decode_answer(octets: bytes) -> Answer:
    """Decode an answer. Raises WireError."""
    message = parsed(pb.Answer, octets)
    outcome: Granted | Refusal
    match message.WhichOneof("outcome"):
        case "granted":
            outcome = Granted(
                release=message.granted.release,
                receipt=_receipt_in(message.granted.receipt),
                finer=_finer_in(message.granted.finer),
            )
        case "refusal":
            outcome = _refusal_in(message.refusal)
        case _:
            raise WireError("an answer is a release or a refusal")
    return Answer(centre=CentreId(message.centre), query_id=QueryId(message.query_id), outcome=outcome)


def encode_planned(planned: Planned) -> bytes:
    """Encode what a centre says to a plan; the centre signs these bytes."""
    message = pb.Planned(centre=planned.centre.text, query_id=planned.query_id.octets)
    if isinstance(planned.outcome, Refusal):
        message.refusal.CopyFrom(_refusal_out(planned.outcome))
    else:
        message.quote.CopyFrom(_quote_out(planned.outcome))
    return encoded(message)


@decoder
def decode_planned(octets: bytes) -> Planned:
    """Decode what a centre says to a plan. Raises WireError."""
    message = parsed(pb.Planned, octets)
    outcome: Quote | Refusal
    match message.WhichOneof("outcome"):
        case "quote":
            outcome = _quote_in(message.quote)
        case "refusal":
            outcome = _refusal_in(message.refusal)
        case _:
            raise WireError("a plan's answer is a quote or a refusal")
    return Planned(centre=CentreId(message.centre), query_id=QueryId(message.query_id), outcome=outcome)


def _refusal_out(refusal: Refusal) -> pb.Refusal:
    return pb.Refusal(code=refusal.code.number, detail=refusal.detail)


def _refusal_in(message: pb.Refusal) -> Refusal:
    code = RefusalCode.from_number(message.code)
    if code is None:
        raise WireError("this version does not know the refusal's code")
    return Refusal(code=code, detail=message.detail)


def _finer_out(finer: Query | None) -> bytes:
    return b"" if finer is None else encode_query(finer)


def _finer_in(octets: bytes) -> Query | None:
    return decode_query(octets) if octets else None


def _quote_out(quote: Quote) -> pb.Quote:
    return pb.Quote(
        cost_nano_rho=str(quote.cost.nano_rho),
        is_repeat=quote.is_repeat,
        registry_left_nano_rho=_left_out(quote.registry_left),
        study_left_nano_rho=_left_out(quote.study_left),
        analyst_left_nano_rho=_left_out(quote.analyst_left),
        questions_left=_number_out(quote.questions_left),
        snapshot_at_ms=ms_of(quote.snapshot_at),
        finer=_finer_out(quote.finer),
    )


def _quote_in(message: pb.Quote) -> Quote:
    return Quote(
        cost=loss(message.cost_nano_rho),
        is_repeat=message.is_repeat,
        registry_left=_left_in(message.registry_left_nano_rho),
        study_left=_left_in(message.study_left_nano_rho),
        analyst_left=_left_in(message.analyst_left_nano_rho),
        questions_left=_number_in(message.questions_left),
        snapshot_at=time_of(message.snapshot_at_ms),
        finer=_finer_in(message.finer),
    )


def _number_out(number: int | None) -> str:
    return "" if number is None else str(number)


def _number_in(text: str) -> int | None:
    return integer(text) if text else None


def _left_out(left: Loss | None) -> str:
    return "" if left is None else str(left.nano_rho)


def _left_in(text: str) -> Loss | None:
    return loss(text) if text else None


def _receipt_out(receipt: Receipt) -> pb.Receipt:
    return pb.Receipt(
        charged_nano_rho=str(receipt.charged.nano_rho),
        is_repeat=receipt.is_repeat,
        registry_left_nano_rho=_left_out(receipt.registry_left),
        study_left_nano_rho=_left_out(receipt.study_left),
        analyst_left_nano_rho=_left_out(receipt.analyst_left),
        event=receipt.event,
        index=receipt.index,
        tree_size=receipt.tree_size,
        tree_root=receipt.tree_root.octets,
        proof=[part.octets for part in receipt.proof],
        questions_left=_number_out(receipt.questions_left),
    )


def _receipt_in(message: pb.Receipt) -> Receipt:
    return Receipt(
        charged=loss(message.charged_nano_rho),
        is_repeat=message.is_repeat,
        registry_left=_left_in(message.registry_left_nano_rho),
        study_left=_left_in(message.study_left_nano_rho),
        analyst_left=_left_in(message.analyst_left_nano_rho),
        event=message.event,
        index=message.index,
        tree_size=message.tree_size,
        tree_root=Digest(message.tree_root),
        proof=tuple(Digest(part) for part in message.proof),
        questions_left=_number_in(message.questions_left),
    )


def encode_signed_answer(answer: SignedAnswer) -> bytes:
    """Encode a signed answer."""
    return encoded(pb.SignedAnswer(payload=answer.payload, signature=answer.signature))


@decoder
def decode_signed_answer(octets: bytes) -> SignedAnswer:
    """Decode a signed answer. Raises WireError."""
    message = parsed(pb.SignedAnswer, octets)
    return SignedAnswer(payload=message.payload, signature=message.signature)


def encode_relayed(answer: RelayedAnswer) -> bytes:
    """Encode what is relayed."""
    if answer.is_sealed:
        return encoded(pb.RelayedAnswer(sealed=answer.octets))
    return encoded(pb.RelayedAnswer(open_refusal=answer.octets))


@decoder
def decode_relayed(octets: bytes) -> RelayedAnswer:
    """Decode what was relayed. Raises WireError."""
    message = parsed(pb.RelayedAnswer, octets)
    match message.WhichOneof("body"):
        case "sealed":
            return RelayedAnswer(octets=message.sealed, is_sealed=True)
        case "open_refusal":
            return RelayedAnswer(octets=message.open_refusal, is_sealed=False)
        case _:
            raise WireError("an answer on its way is sealed, or an open refusal")
