"""The commands of `skerry-coordinator` for who comes in: `authority init` and `token`."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from coordinator.authority import FILE, Authority, private_pem, write_new
from coordinator.belief import believed
from coordinator.errors import AuthorityError, SettingsError, StoreError
from coordinator.settings import Settings, load_settings
from protocols.admission import digest_of, keys_of
from protocols.clock import system_clock
from protocols.enrolment import TOKEN_LIFE, Invitation, Member, sort_of
from protocols.errors import EnrolmentError, WireError
from protocols.fingerprint import fingerprint_of
from protocols.ids import AnalystId, CentreId
from protocols.program import Exit, ProgramError, print_json
from protocols.transport_papers import check_certificate

authority_app = typer.Typer(
    help="The authority that signs transport certificates: for the wire, and for nothing else.",
    no_args_is_help=True,
)
Config = Annotated[Path, typer.Option("--config", help="The settings file (TOML).")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
_SETTINGS_ADVICE = "correct it, or name another settings file with --config"


@authority_app.command("init")
def authority_init(
    config: Config,
    host: Annotated[
        list[str], typer.Option("--host", help="A host name or address by which nodes reach this machine.")
    ],
    json: Json = False,
) -> None:
    """Make the authority, and the coordinator's own certificate; what is there stays.

    The authority's key stays in the data folder. Give its certificate (the setting tls_ca) to every centre
    and analyst. For another certificate of the coordinator, move tls_certificate away and run this again.
    """
    settings = _settings(config)
    try:
        authority = _authority(settings)
        _server_pair(settings, authority, host)
    except (AuthorityError, EnrolmentError) as error:
        advice = "nothing that was there is changed; check the folders' rights and the files it names"
        raise ProgramError(Exit.WRONG_USE, "authority", str(error), advice) from None
    if json:
        tree = {"format": "skerry.authority/1", "sha256": str(authority.digest)}
        print_json(tree | {"certificate": str(settings.tls_ca), "hosts": host})
    else:
        sys.stdout.write(f"the authority's certificate is {settings.tls_ca}, SHA-256 {authority.digest}\n")


def token(
    sort: Annotated[str, typer.Argument(help="centre or analyst.")],
    name: Annotated[str, typer.Argument(help="The name in the roster.")],
    config: Config,
    json: Json = False,
) -> None:
    """Make a one-time token with which one centre or analyst of the roster enrols. It is shown once.

    It is good for 15 minutes, and worth nothing without the key that the roster has for that name.
    Before you hand it over, compare the words of the fingerprint by another channel.
    """
    from coordinator.tokens import open_tokens

    settings = _settings(config)
    who = _member(sort, name)
    now = system_clock()
    try:
        roster = believed(settings).roster
        keys = keys_of(who, roster)
        if keys is None:
            what = f"the roster has no {sort} {name!r}"
            raise ProgramError(
                Exit.WRONG_USE, "roster", what, "see the names in the roster, or have it added"
            )
        authority = Authority.load(settings.data / FILE)
        tokens = open_tokens(settings.data / "coordinator.db")
        made = tokens.make(who, now)
        tokens.close()
    except SettingsError as error:
        raise ProgramError(
            Exit.WRONG_USE, "settings", str(error), _SETTINGS_ADVICE, problems=error.problems
        ) from None
    except AuthorityError as error:
        advice = "make the authority with: skerry-coordinator authority init"
        raise ProgramError(Exit.WRONG_USE, "authority", str(error), advice) from None
    except StoreError as error:
        advice = "see that the data folder is this coordinator's own, and that the disk has room"
        raise ProgramError(Exit.INTERNAL, "store", str(error), advice) from None
    text = Invitation(token=made, authority=authority.digest).text
    words = fingerprint_of(sort, name, keys)
    ends = (now + TOKEN_LIFE).astimezone(UTC)
    if json:
        tree = {"format": "skerry.token/1", "sort": sort, "name": name, "token": text, "fingerprint": words}
        print_json(tree | {"expires": ends.isoformat()})
    else:
        sys.stdout.write(f"{text}\n")
        typer.echo(_handing_over(who, words, ends), err=True)


def _handing_over(who: Member, words: str, ends: datetime) -> str:
    """Say what to do with a token that was just shown."""
    lines = (
        f"for the {sort_of(who)} {who}, once, until {ends:%H:%M} UTC; it is not shown again",
        f"their fingerprint, to compare by telephone: {words}",
    )
    return "\n".join(lines)


def _settings(config: Path) -> Settings:
    try:
        return load_settings(config)
    except SettingsError as error:
        raise ProgramError(
            Exit.WRONG_USE, "settings", str(error), _SETTINGS_ADVICE, problems=error.problems
        ) from None


def _member(sort: str, name: str) -> Member:
    try:
        match sort:
            case "centre":
                return CentreId(name)
            case "analyst":
                return AnalystId(name)
    except WireError as error:
        raise ProgramError(Exit.WRONG_USE, "wrong_use", str(error), "give the name in the roster") from None
    what = f"{sort!r} is neither centre nor analyst"
    advice = "write: skerry-coordinator token centre NAME, or: skerry-coordinator token analyst NAME"
    raise ProgramError(Exit.WRONG_USE, "wrong_use", what, advice)


def _authority(settings: Settings) -> Authority:
    """Load the authority, or make it where nothing of another one is there; write its certificate."""
    path = settings.data / FILE
    if not path.exists():
        others = (settings.tls_ca, settings.tls_certificate)
        for one in others:
            if one.exists():
                raise AuthorityError(f"{one} is there already, of another authority")
        try:
            consortium = believed(settings).roster.consortium
        except SettingsError as error:
            raise AuthorityError(str(error)) from None
        write_new(path, Authority.generate(consortium, system_clock()).to_file(), 0o600)
    authority = Authority.load(path)
    if not settings.tls_ca.exists():
        write_new(settings.tls_ca, authority.certificate_pem, 0o644)
    elif _digest(settings.tls_ca) != authority.digest:
        raise AuthorityError(f"{settings.tls_ca} is not the certificate of the authority {path}")
    return authority


def _digest(path: Path) -> object:
    try:
        return digest_of(check_certificate(path.read_bytes()))
    except (OSError, WireError) as error:
        raise AuthorityError(f"{path} cannot be read: {error}") from None


def _server_pair(settings: Settings, authority: Authority, hosts: list[str]) -> None:
    """Write the coordinator's own key and certificate, if they are not there."""
    if not settings.tls_key.exists():
        write_new(settings.tls_key, private_pem(ec.generate_private_key(ec.SECP256R1())), 0o600)
    if settings.tls_certificate.exists():
        return
    try:
        key = load_pem_private_key(settings.tls_key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        raise AuthorityError(f"the key {settings.tls_key} cannot be read") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise AuthorityError(f"the key {settings.tls_key} is not of P-256")
    certificate = authority.issue_server(hosts, key.public_key(), system_clock())
    write_new(settings.tls_certificate, certificate, 0o644)
