"""Every call, by everybody, on one's own and on another's question: what comes of it, in one table.

A call that is added to the protocol and has no row here fails. The second analyst enters by a newer
roster while the coordinator runs; a third leaves by it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import protocols.enrolment
import protocols.link
from deploy.sandbox.authority import signing_key
from deploy.sandbox.papers import ROOT
from protocols.codec.link import decode_frame, encode_ask, encode_listing, encode_query_id
from protocols.dictionary_text import read_dictionary
from protocols.envelope import Purpose, seal
from protocols.ids import AnalystId, CentreId, QueryId, StudyId
from protocols.link import Ask, FrameKind, Listing
from protocols.queries import SignedTerms
from protocols.query_text import request_from_tree
from protocols.root import read_root
from protocols.roster import Analyst, open_roster, roster_text
from protocols.signed_text import SignedText
from tests.integration import small
from tests.integration.federation import Federation, eventually, federation, question
from tests.integration.peers import Peer, authority_of, hello, refusal
from tests.members import keys_of

OK, DENIED, NO_TLS = "OK", "PERMISSION_DENIED", "UNAVAILABLE"
UNKNOWN, WRONG, NOT_HERE = "NOT_FOUND", "INVALID_ARGUMENT", "UNIMPLEMENTED"
STRANGERS = ("nobody", "foreign", "coordinator", "officer", "centre", "left")
"""Without a certificate; of another authority; and certificates of our own for who is no analyst (now)."""

RIGHTS: dict[str, dict[str, str]] = {
    "Link/Connect": {"centre": OK, "analyst": DENIED, "another": DENIED},
    "Desk/Ask": {"centre": DENIED, "analyst": OK, "another": WRONG},
    # A plan is not kept, and its answer is sealed to who signed it: whoever relays it learns nothing.
    "Desk/Plan": {"centre": DENIED, "analyst": OK, "another": OK},
    "Desk/Status": {"centre": DENIED, "analyst": OK, "another": UNKNOWN},
    "Desk/Result": {"centre": DENIED, "analyst": OK, "another": UNKNOWN},
    "Desk/List": {"centre": DENIED, "analyst": OK, "another": UNKNOWN},
    "Desk/Describe": {"centre": DENIED, "analyst": OK, "another": OK},
    # Enrolment is served on a port of its own, and here to nobody.
    "Enrolment/Enrol": {"centre": NOT_HERE, "analyst": NOT_HERE, "another": NOT_HERE},
}
"""By call: a centre, the analyst with their own question, and another analyst with that question."""


def _expected(call: str, who: str) -> str:
    if who in ("nobody", "foreign"):
        return NO_TLS
    row = RIGHTS[call]
    return row.get(who, NOT_HERE if row["centre"] == NOT_HERE else DENIED)


def _path(call: str) -> str:
    return f"/skerry.v1.{call}"


def test_every_call_of_the_protocol_has_a_row() -> None:
    paths = {
        value
        for module in (protocols.link, protocols.enrolment)
        for name, value in vars(module).items()
        if name.endswith("_PATH")
    }
    assert paths == {_path(call) for call in RIGHTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A running federation, who stands before it, and a question of the analyst's."""

    made: Federation
    peers: dict[str, Peer]
    envelopes: dict[str, bytes]
    query_id: QueryId

    def call(self, call: str, who: str) -> str:
        """Make a call; give what comes of it."""
        peer = self.peers[who]
        try:
            if call == "Link/Connect":
                with peer.stream() as stream:
                    stream.send(hello())
                    return OK if decode_frame(stream.receive()).kind is FrameKind.WELCOME else "another kind"
            peer.call(_path(call), self._request(call))
        except grpc.RpcError as error:
            return refusal(error)[0]
        return OK

    def _request(self, call: str) -> bytes:
        if call in ("Desk/Ask", "Desk/Plan"):
            envelope = self.envelopes[call.removeprefix("Desk/")]
            return encode_ask(Ask(envelope=envelope, audience=(CentreId("a"),), deadline_ms=5_000))
        if call == "Desk/List":
            return encode_listing(Listing(limit=3, before=self.query_id))
        return b"" if call == "Desk/Describe" else encode_query_id(self.query_id)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("rights")
    dictionary, files = small.written(folder, a=30, b=20)
    with federation(folder / "sandbox", dictionary, files) as made:
        # Somebody else stands in the place of `b` here.
        made.kill("centre-b")
        eventually("b is gone", lambda: made.online() == {"a"})
        _enter_and_leave(made)
        yield _door(made)


def _enter_and_leave(made: Federation) -> None:
    """Have `bob` and `eve` enter by one roster, and `eve` leave by the next."""
    file = made.places.shared / "roster.toml"
    root = read_root((made.places.shared / "root.toml").read_bytes())
    roster = open_roster(file.read_bytes(), root)
    key = signing_key(made.places.consortium / "root.key")
    for version, names in ((2, ("bob", "eve")), (3, ("bob",))):
        more = {
            AnalystId(name): Analyst(
                id=AnalystId(name),
                institution="elsewhere",
                keys=keys_of(Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32))),
            )
            for name in names
        }
        newer = replace(roster, version=version, analysts=roster.analysts | more)
        text = SignedText(body=roster_text(newer).encode(), signatures=()).signed_by(ROOT, key, "roster")
        file.with_suffix(".new").write_bytes(text.to_bytes())
        file.with_suffix(".new").replace(file)
        eventually(f"version {version} is believed", partial(_believes, made, version))


def _believes(made: Federation, version: int) -> bool:
    return f"version={version} " in _log(made)


def _log(made: Federation) -> str:
    return (made.places.logs / "coordinator.log").read_text(encoding="utf-8")


def _door(made: Federation) -> Door:
    target = (made.places.coordinator / "coordinator.toml").read_text(encoding="utf-8").split('"')[1]
    trust = (made.places.shared / "tls-ca.pem").read_bytes()
    ours, theirs = authority_of(made.places.consortium), authority_of(made.root / "foreign")
    uris = {
        "coordinator": "skerry://coordinator",
        "officer": "skerry://officer/officer-a",
        "centre": "skerry://centre/b",
        "left": "skerry://analyst/eve",
        "analyst": "skerry://analyst/analyst",
        "another": "skerry://analyst/bob",
    }
    peers = {who: Peer.named(target, trust, ours, [uri]) for who, uri in uris.items()}
    peers["nobody"] = Peer.nobody(target, trust)
    peers["foreign"] = Peer.named(target, trust, theirs, [uris["analyst"]])
    terms, key = _terms(made), signing_key(made.places.analyst / "signing.key")
    plan = replace(terms, query_id=QueryId.new())
    envelopes = {"Ask": seal(terms, key), "Plan": seal(plan, key, Purpose.PLAN)}
    door = Door(made=made, peers=peers, envelopes=envelopes, query_id=terms.query_id)
    assert door.call("Desk/Ask", "analyst") == OK  # so that there is a question
    return door


def _terms(made: Federation) -> SignedTerms:
    dictionary = read_dictionary((made.places.shared / "dictionary").read_bytes())
    request = request_from_tree(question({"kind": "count"}, rho="1"), dictionary)
    not_after = datetime.now(UTC) + timedelta(hours=1)
    return SignedTerms(
        query=request.query,
        query_id=QueryId.new(),
        study=StudyId("sandbox"),
        analyst=AnalystId("analyst"),
        audience=(CentreId("a"),),
        dictionary=dictionary.digest,
        not_after_ms=int(not_after.timestamp() * 1000),
    )


@pytest.mark.parametrize("who", [*STRANGERS, "analyst", "another"])
@pytest.mark.parametrize("call", RIGHTS)
def test_who_may_call_what(door: Door, call: str, who: str) -> None:
    assert door.call(call, who) == _expected(call, who)
