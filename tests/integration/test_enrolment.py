"""Enrolment with the real programs: an authority of its own, a token, the port for who has no certificate.

A sandbox gives data and papers; then its coordinator gets an authority of its own, and its centre `b` has
nothing any more that opens the link.
"""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coordinator.analyst import connect
from coordinator.authority import Authority, private_pem, write_new
from coordinator.tokens import open_tokens
from node.transport_pair import next_key, switch
from protocols.admission import Purpose, csr_for
from protocols.codec.enrolment import encode_request, encode_signed
from protocols.enrolment import ENROL_PATH, EnrolmentRequest, SignedEnrolment
from protocols.ids import COORDINATOR_URI, AnalystId, CentreId
from protocols.link import DESCRIBE_PATH
from protocols.transport_papers import check_pair
from tests.coordinator.enrolment_desk import other_keys, transport_key
from tests.integration import small
from tests.integration.federation import Federation, Outcome, eventually, federation, program, question
from tests.integration.peers import Peer, hello, refusal

# isort: split
import grpc

B = CentreId("b")


@dataclass(frozen=True, slots=True)
class Entrance:
    """A federation whose coordinator has an authority of its own, and a port for enrolments."""

    made: Federation
    port: int

    @property
    def config(self) -> Path:
        return self.made.places.coordinator / "coordinator.toml"

    @property
    def folder(self) -> Path:
        return self.made.places.centre("b")

    @property
    def authority(self) -> bytes:
        return (self.made.places.shared / "authority.pem").read_bytes()

    @property
    def at(self) -> str:
        return f"127.0.0.1:{self.port}"

    def token(self, *words: str) -> Outcome:
        return program("skerry-coordinator", "token", *words, "--config", self.config, "--json")

    def enrol(self, token: str, *words: object) -> Outcome:
        return self.made.node("b", "enrol", "--at", self.at, "--token", token, "--json", *words)

    def nobody(self, at: str | None = None) -> Peer:
        return Peer.nobody(at or self.at, self.authority)

    def log(self) -> str:
        return (self.made.places.logs / "coordinator.log").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def entrance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entrance]:
    folder = tmp_path_factory.mktemp("entrance")
    dictionary, files = small.written(folder, a=30, b=20)
    with federation(folder / "sandbox", dictionary, files) as made:
        made.kill("coordinator")
        made.kill("centre-b")
        entrance = Entrance(made, free_port())
        changed(
            entrance.config, tls_ca="../shared/authority.pem", tls_certificate="own.pem", tls_key="own.key"
        )
        with entrance.config.open("a", encoding="utf-8") as file:
            file.write(f'enrolment = "{entrance.at}"\n')
        ca = "../../shared/authority.pem"
        changed(entrance.folder / "node.toml", tls_ca=ca, tls_certificate="own.pem", roster="roster.toml")
        (entrance.folder / "keys" / "tls.key").unlink()
        # Of a month ago, so that a test may give `b` a certificate that is a few days old.
        made_at = datetime.now(UTC) - timedelta(days=30)
        octets = Authority.generate("sandbox", made_at).to_file()
        write_new(made.places.coordinator / "data" / "authority.pem", octets, 0o600)
        words = ("authority", "init", "--config", entrance.config, "--host", "127.0.0.1", "--json")
        assert program("skerry-coordinator", *words).exit_code == 0
        made.start("coordinator")
        eventually("it listens", lambda: "event=enrolment_listening" in entrance.log())
        yield entrance


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def changed(path: Path, **settings: str) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.split(" =")[0] not in settings]
    path.write_text("\n".join([*kept, *(f'{key} = "{value}"' for key, value in settings.items()), ""]))


def refused(outcome: Outcome) -> str:
    assert (outcome.exit_code, outcome.json["code"]) == (3, "not_enrolled")
    return str(outcome.json["message"])


def test_a_node_enters_with_a_token_and_joins_the_link(entrance: Entrance) -> None:
    stranger_before = entrance.enrol("skerry-" + "a" * 26 + "." + "a" * 52)
    assert stranger_before.exit_code == 2  # the token names another authority: nobody is called
    made = entrance.token("centre", "b")
    assert made.exit_code == 0
    entered = entrance.enrol(made.json["token"])
    assert entered.exit_code == 0, entered.stderr
    assert entered.json["own_fingerprint"] == made.json["fingerprint"]
    assert (entrance.folder / "roster.toml").read_bytes() == (
        entrance.made.places.shared / "roster.toml"
    ).read_bytes()
    entrance.made.start("centre-b")
    eventually("b is on the link", lambda: "b" in entrance.made.online())
    assert "a" not in entrance.made.online()  # its certificate is of another authority
    entrance.made.kill("centre-b")
    assert refused(entrance.enrol(made.json["token"])) == "the coordinator refuses the enrolment"
    assert "event=enrolment_refused why=token_used" in entrance.log()
    entrance.made.start("centre-b")
    eventually("b is back, with the pair that it had", lambda: "b" in entrance.made.online())
    entrance.made.kill("centre-b")


def test_a_token_for_another_is_refused_and_looks_the_same(entrance: Entrance) -> None:
    others = entrance.token("centre", "a").json["token"]
    assert refused(entrance.enrol(others)) == "the coordinator refuses the enrolment"
    assert "why=token_unknown" in entrance.log()


def test_a_token_outlives_a_restart_of_the_coordinator(entrance: Entrance) -> None:
    token = entrance.token("centre", "b").json["token"]
    entrance.made.kill("coordinator")
    before = entrance.log().count("event=enrolment_listening")
    entrance.made.start("coordinator")
    eventually("it listens again", lambda: entrance.log().count("event=enrolment_listening") > before)
    assert entrance.enrol(token).exit_code == 0


def test_a_stranger_is_refused_with_one_sentence_whatever_is_wrong(entrance: Entrance) -> None:
    """Without a token, with a stolen one and another key, with rubbish."""
    tokens = open_tokens(entrance.made.places.coordinator / "data" / "coordinator.db")
    now = datetime.now(UTC)
    stolen = tokens.make(B, now)
    csr = csr_for(transport_key())
    for token in (None, stolen):
        octets = encode_request(EnrolmentRequest(who=B, token=token, csr=csr, made_at=now))
        signature = other_keys().sign(Purpose.ENROL.value + octets)
        request = encode_signed(SignedEnrolment(request=octets, signature=signature))
        assert answer_to(entrance, request) == ("PERMISSION_DENIED", "enrolment refused")
    for rubbish in (b"", b"\xff" * 64, bytes(8000)):
        assert answer_to(entrance, rubbish) == ("PERMISSION_DENIED", "enrolment refused")
    assert answer_to(entrance, bytes(9000))[0] == "RESOURCE_EXHAUSTED"
    tokens.take(stolen, B, now)  # still good: whoever stole it could not use it
    tokens.close()


def answer_to(entrance: Entrance, request: bytes) -> tuple[str, str]:
    with entrance.nobody().channel() as channel:
        method = channel.unary_unary(ENROL_PATH, request_serializer=bytes, response_deserializer=bytes)
        with pytest.raises(grpc.RpcError) as error:
            method(request, timeout=20)
    return refusal(error.value)


def test_the_open_port_serves_nothing_else_and_the_other_one_demands_a_certificate(
    entrance: Entrance,
) -> None:
    with pytest.raises(grpc.RpcError) as error:
        entrance.nobody().call(DESCRIBE_PATH, b"")
    assert refusal(error.value)[0] == "UNIMPLEMENTED"
    with entrance.nobody().stream() as stream:
        stream.send(hello())
        with pytest.raises(grpc.RpcError) as error:
            stream.receive()
    assert refusal(error.value)[0] == "UNIMPLEMENTED"
    ordinary = entrance.config.read_text(encoding="utf-8").split('listen = "')[1].split('"')[0]
    for path in (DESCRIBE_PATH, ENROL_PATH):
        with pytest.raises(grpc.RpcError) as error:
            entrance.nobody(ordinary).call(path, b"")
        assert refusal(error.value)[0] == "UNAVAILABLE"


def test_an_authority_is_made_whole_and_not_where_there_is_another(
    entrance: Entrance, tmp_path: Path
) -> None:
    config = tmp_path / "coordinator.toml"
    shared = entrance.made.places.shared
    names = {"listen": "127.0.0.1:1", "data": "data", "tls_ca": "ca.pem", "tls_certificate": "c.pem"}
    names |= {"tls_key": "c.key", "roster": str(shared / "roster.toml"), "root": str(shared / "root.toml")}
    config.write_text("".join(f'{key} = "{value}"\n' for key, value in names.items()), encoding="utf-8")
    words = ("authority", "init", "--config", config, "--host", "localhost", "--host", "::1", "--json")
    (tmp_path / "ca.pem").write_bytes(entrance.authority)
    refused = program("skerry-coordinator", *words)
    assert (refused.exit_code, refused.json["code"]) == (2, "authority")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["ca.pem", "coordinator.toml"]
    (tmp_path / "ca.pem").unlink()
    made = program("skerry-coordinator", *words)
    assert made.exit_code == 0, made.stderr
    authority = Authority.load(tmp_path / "data" / "authority.pem")
    assert made.json["sha256"] == str(authority.digest)
    check_pair((tmp_path / "c.key").read_bytes(), (tmp_path / "c.pem").read_bytes(), COORDINATOR_URI)
    (tmp_path / "ca.pem").write_bytes(entrance.authority)
    assert program("skerry-coordinator", *words).exit_code == 2


def test_what_is_there_is_never_overwritten(entrance: Entrance) -> None:
    data = entrance.made.places.coordinator / "data" / "authority.pem"
    before = data.read_bytes(), entrance.authority
    words = ("authority", "init", "--config", entrance.config, "--host", "127.0.0.1", "--json")
    assert program("skerry-coordinator", *words).exit_code == 0
    assert (data.read_bytes(), entrance.authority) == before
    assert data.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("words", [("centre", "c"), ("analyst", "b"), ("officer", "b"), ("centre", "b/")])
def test_a_token_is_for_who_is_in_the_roster(entrance: Entrance, words: tuple[str, str]) -> None:
    outcome = entrance.token(*words)
    assert outcome.exit_code == 2
    assert outcome.json["next_step"]


def test_a_node_that_cannot_reach_the_port_changes_nothing(entrance: Entrance) -> None:
    token = entrance.token("centre", "b").json["token"]
    before = (entrance.folder / "own.pem").read_bytes()
    outcome = entrance.made.node("b", "enrol", "--at", "127.0.0.1:1", "--token", token, "--json")
    assert (outcome.exit_code, outcome.json["code"]) == (5, "unreachable")
    assert (entrance.folder / "own.pem").read_bytes() == before


def aged(entrance: Entrance, days: float) -> bytes:
    """Give `b` a certificate that was signed some days ago."""
    authority = Authority.load(entrance.made.places.coordinator / "data" / "authority.pem")
    keys, certificate = entrance.folder / "keys", entrance.folder / "own.pem"
    key = next_key(keys, certificate, B.uri)
    pem = authority.issue(B, key.public_key(), datetime.now(UTC) - timedelta(days=days))
    switch(keys, certificate, pem)
    return pem


def test_a_running_node_renews_over_the_link_and_loses_no_question(entrance: Entrance) -> None:
    """Its certificate is six days old: it asks for the next at once, while questions come in."""
    made, old = entrance.made, aged(entrance, 6)
    made.kill("coordinator")  # one that has just started waits for a centre that it has not seen
    joined, listened = (entrance.log().count(one) for one in ("centre_joined centre=b", "event=enrolment_l"))
    made.start("coordinator")
    eventually("it listens again", lambda: entrance.log().count("event=enrolment_l") > listened)
    profile = analysts_profile(entrance)
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(ask, profile, limit) for limit in range(30, 90, 10)]
        made.start("centre-b")
        assert [one.result(timeout=60) for one in asked] == [["b"]] * len(asked)
    eventually("b has a new certificate", lambda: (entrance.folder / "own.pem").read_bytes() != old)
    eventually("b is back with it", lambda: entrance.log().count("centre_joined centre=b") == joined + 2)
    assert "event=renewed sort=centre name=b" in entrance.log()
    key, certificate = entrance.folder / "keys" / "tls.key", entrance.folder / "own.pem"
    check_pair(key.read_bytes(), certificate.read_bytes(), B.uri)
    assert ask(profile, 90) == ["b"]
    made.kill("centre-b")
    made.start("centre-b")
    eventually("b returns with what is on its disk", lambda: "b" in made.online())
    made.kill("centre-b")


def ask(profile: Path, limit: int) -> list[str]:
    """Ask `b` for a count; give who answered."""
    cohort = {"field": "age", "between": [0, limit]}
    with connect(profile) as registry:
        answered = registry.ask(question({"kind": "count"}, cohort=cohort)).to_json()["centres"]["answered"]
    assert isinstance(answered, list)
    return answered


def analysts_profile(entrance: Entrance) -> Path:
    """A profile of the sandbox's analyst, with a certificate of this authority."""
    key = transport_key()
    authority = Authority.load(entrance.made.places.coordinator / "data" / "authority.pem")
    certificate = authority.issue(AnalystId("analyst"), key.public_key(), datetime.now(UTC))
    folder = entrance.made.places.analyst
    write_new(folder / "own.key", private_pem(key), 0o600)
    write_new(folder / "own.pem", certificate, 0o644)
    tls = {"tls_certificate": "analyst/own.pem", "tls_key": "analyst/own.key"}
    return entrance.made.profile_with(centres=["b"], tls_ca="shared/authority.pem", **tls)


def test_a_node_whose_certificate_has_expired_is_not_let_in(entrance: Entrance) -> None:
    aged(entrance, 8)
    log = entrance.made.places.logs / "centre-b.log"
    seen = log.read_text(encoding="utf-8").count("event=disconnected")
    entrance.made.start("centre-b")
    eventually("it was refused", lambda: log.read_text(encoding="utf-8").count("event=disconnected") > seen)
    assert "b" not in entrance.made.online()
    entrance.made.kill("centre-b")
    assert entrance.enrol(entrance.token("centre", "b").json["token"]).exit_code == 0
    entrance.made.start("centre-b")
    eventually("b is on the link again", lambda: "b" in entrance.made.online())
    entrance.made.kill("centre-b")
