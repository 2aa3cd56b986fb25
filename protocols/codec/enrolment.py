"""Messages of enrolment as bytes. wire/v1/enrolment.proto, spec/enrolment.md 3."""

from protocols.codec.strict import decoder, encoded, ms_of, parsed, time_of
from protocols.enrolment import (
    MAX_CSR_BYTES,
    MAX_REQUEST_BYTES,
    EnrolmentAnswer,
    EnrolmentRequest,
    Member,
    SignedEnrolment,
    Token,
)
from protocols.errors import WireError
from protocols.ids import AnalystId, CentreId
from protocols.wire.v1 import enrolment_pb2 as pb


def encode_request(request: EnrolmentRequest) -> bytes:
    """Encode a request, to be signed."""
    is_centre = isinstance(request.who, CentreId)
    return encoded(
        pb.EnrolmentRequest(
            sort=pb.MEMBER_SORT_CENTRE if is_centre else pb.MEMBER_SORT_ANALYST,
            name=request.who.text,
            token=request.token.octets if request.token else b"",
            csr=request.csr,
            made_at_ms=ms_of(request.made_at),
        )
    )


@decoder
def decode_request(octets: bytes) -> EnrolmentRequest:
    """Decode a request. Raises WireError."""
    message = parsed(pb.EnrolmentRequest, octets)
    if not 1 <= len(message.csr) <= MAX_CSR_BYTES:
        raise WireError(f"a CSR here has 1 to {MAX_CSR_BYTES} bytes")
    return EnrolmentRequest(
        who=_member(message.sort, message.name),
        token=Token(octets=message.token) if message.token else None,
        csr=message.csr,
        made_at=time_of(message.made_at_ms),
    )


def _member(sort: int, name: str) -> Member:
    if sort == pb.MEMBER_SORT_CENTRE:
        return CentreId(name)
    if sort == pb.MEMBER_SORT_ANALYST:
        return AnalystId(name)
    raise WireError("this version does not know the sort of a member")


def encode_signed(signed: SignedEnrolment) -> bytes:
    """Encode a signed request."""
    return encoded(pb.SignedEnrolment(request=signed.request, signature=signed.signature))


@decoder
def decode_signed(octets: bytes) -> SignedEnrolment:
    """Decode a signed request. Raises WireError."""
    if len(octets) > MAX_REQUEST_BYTES:
        raise WireError("a request is too large")
    message = parsed(pb.SignedEnrolment, octets)
    return SignedEnrolment(request=message.request, signature=message.signature)


def encode_answer(answer: EnrolmentAnswer) -> bytes:
    """Encode an answer."""
    return encoded(
        pb.EnrolmentAnswer(certificate=answer.certificate, authority=answer.authority, roster=answer.roster)
    )


@decoder
def decode_answer(octets: bytes) -> EnrolmentAnswer:
    """Decode an answer. Raises WireError."""
    message = parsed(pb.EnrolmentAnswer, octets)
    return EnrolmentAnswer(
        certificate=message.certificate, authority=message.authority, roster=message.roster
    )
