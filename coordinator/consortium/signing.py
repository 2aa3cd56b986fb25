"""One signature under the draft; the last one that is needed makes it the roster. Pure. spec/roster.md 6."""

from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.consortium.errors import ConsortiumError
from coordinator.consortium.papers import Draft, Papers
from protocols.errors import ProtocolError
from protocols.root import Root
from protocols.signed_text import SignedText
from protocols.trust import believe


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The draft with one signature more: who gave it, who has signed by now, whether they are enough."""

    octets: bytes
    signer: str
    signers: frozenset[str]
    is_enough: bool


def signed(papers: Papers, key: Ed25519PrivateKey, now: datetime) -> Signed:
    """Sign the draft with a key of the root. Raises ConsortiumError.

    Signatures that are wrong, or of nobody in the root, are left out: they count for nothing.
    """
    draft, signer = _draft(papers, now), signer_of(papers.root, key)
    if signer in draft.signers:
        raise ConsortiumError("signed", f"{signer} has signed this draft already", "let another key sign it")
    right = tuple(one for one in dict.fromkeys(draft.text.signatures) if _is_right(one, draft, papers.root))
    text = SignedText(body=draft.text.body, signatures=right).signed_by(signer, key, "roster")
    signers = text.signers(papers.root.keys, "roster")
    octets = text.to_bytes()
    is_enough = len(signers) >= papers.root.threshold
    if is_enough:
        try:
            believe(octets, papers.root, papers.held, now)
        except ProtocolError as error:
            advice = "see: skerry consortium show"
            raise ConsortiumError(
                "not_believed", f"nobody would believe the draft: {error}", advice
            ) from None
    return Signed(octets=octets, signer=signer, signers=signers, is_enough=is_enough)


def _is_right(signature: tuple[str, bytes], draft: Draft, root: Root) -> bool:
    return bool(SignedText(body=draft.text.body, signatures=(signature,)).signers(root.keys, "roster"))


def _draft(papers: Papers, now: datetime) -> Draft:
    if papers.draft is None:
        advice = "make one: skerry consortium add-centre, add-officer, add-analyst, remove or expire"
        raise ConsortiumError("no_draft", "there is no draft to sign", advice)
    if now >= papers.draft.roster.expires:
        what = f"the draft has expired on {papers.draft.roster.expires:%Y-%m-%d}"
        raise ConsortiumError("expired", what, "give it more days: skerry consortium expire --days 90")
    return papers.draft


def signer_of(root: Root, key: Ed25519PrivateKey) -> str:
    """Say under which name a key signs. Raises ConsortiumError when it is no key of the root."""
    public = key.public_key().public_bytes_raw()
    for name, one in root.keys.items():
        if one.public_bytes_raw() == public:
            return name
    what = f"this key is none of the root of {root.consortium}"
    raise ConsortiumError("stranger", what, f"sign with a key of: {', '.join(sorted(root.keys))}")
