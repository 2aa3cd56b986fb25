"""What an analyst publishes: a question with the centres' own signed answers. spec/publications.md.

Answers are sealed to who asked; others see what the analyst chooses to show. It is shown whole: the
question as it was signed, and each centre's answer with the centre's signature. Whoever has the roster
and the dictionary computes the table anew, and need not believe the analyst, nor any coordinator.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from protocols.codec.answers import decode_signed_answer, encode_signed_answer
from protocols.envelope import open_envelope
from protocols.errors import SignatureError, WireError
from protocols.ids import AnalystId, CentreId
from protocols.queries import SignedTerms
from protocols.releases import SignedAnswer
from protocols.roster import Analyst, when
from protocols.signed_text import Fields, SignedText, quoted

KIND = "publication"
MAX_TITLE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A title, the question's envelope, and what centres answered; `terms` is the envelope, opened."""

    title: str
    published_at: datetime
    envelope: bytes
    terms: SignedTerms
    answers: dict[CentreId, SignedAnswer]


def publication_text(publication: Publication) -> str:
    """Write the body that the analyst signs."""
    at = publication.published_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    head = (
        f'format = "skerry.publication/1"\ntitle = {quoted(publication.title)}\npublished_at = {at}\n'
        f'question = "{_text(publication.envelope)}"\n'
    )
    answers = (
        f'[[answer]]\ncentre = "{centre}"\nsigned = "{_text(encode_signed_answer(signed))}"\n'
        for centre, signed in sorted(publication.answers.items())
    )
    return "\n".join([head, *answers])


def open_publication(octets: bytes, analysts: Mapping[AnalystId, Analyst]) -> Publication:
    """Verify the signature of the analyst who asked, and read; whoever reads on verifies the answers.

    Raises SignatureError, TextError or WireError.
    """
    text = SignedText.parse(octets)
    if len(text.signatures) != 1:
        raise SignatureError("a publication bears one signature: that of the analyst who asked")
    ((name, _),) = text.signatures
    analyst = analysts.get(AnalystId(name))
    if analyst is None:
        raise SignatureError(f"the roster has no analyst {name!r}")
    publication = _read(Fields(text.opened(name, analyst.keys.signing, KIND), KIND), analysts)
    if publication.terms.analyst != analyst.id:
        raise SignatureError("it was published by another analyst than the one who asked")
    return publication


def _read(fields: Fields, analysts: Mapping[AnalystId, Analyst]) -> Publication:
    fields.take("format", str)
    title, published_at = fields.take("title", str), when(fields, "published_at")
    envelope = _octets(fields, "question")
    answers: dict[CentreId, SignedAnswer] = {}
    for one in fields.tables("answer"):
        centre = CentreId(one.take("centre", str))
        if centre in answers:
            raise one.wrong(f"gives two answers of {str(centre)!r}")
        answers[centre] = decode_signed_answer(_octets(one, "signed"))
        one.done()
    fields.done()
    if not title.strip() or not title.isprintable() or len(title) > MAX_TITLE:
        raise fields.wrong(f"'title' is a line of 1 to {MAX_TITLE} characters")
    terms = open_envelope(envelope, analysts).terms
    others = sorted(str(centre) for centre in answers if centre not in terms.audience)
    if others or not answers:
        raise fields.wrong(
            f"has an answer of {others[0]!r}, who was not asked" if others else "has no answer"
        )
    return Publication(
        title=title, published_at=published_at, envelope=envelope, terms=terms, answers=answers
    )


def _octets(fields: Fields, name: str) -> bytes:
    try:
        return base64.b64decode(fields.take(name, str), validate=True)
    except (binascii.Error, ValueError):
        raise WireError(f"{name!r} is not base64") from None


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
