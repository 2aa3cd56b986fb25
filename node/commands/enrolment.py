"""The custodian's command `enrol`: with a one-time token, to the node's first transport certificate."""

import getpass
import sys
from typing import Annotated

import typer

from node.commands.opening import SETTINGS_ADVICE, Json, settings_of, shown_time
from node.errors import NotEnrolledError, RulesError, UnreachableError
from node.presence import is_running
from protocols.clock import system_clock
from protocols.enrolment import Invitation
from protocols.errors import WireError
from protocols.fingerprint import fingerprint_of, fingerprint_of_root
from protocols.program import Exit, ProgramError, print_json


def enrol(
    context: typer.Context,
    at: Annotated[str, typer.Option("--at", metavar="HOST:PORT", help="The coordinator's port for this.")],
    token: Annotated[
        str, typer.Option("--token", help="The token; without it you are asked, and nothing shows it.")
    ] = "",
    json: Json = False,
) -> None:
    """Enter the federation with a one-time token: fetch the transport certificate and the roster.

    \b
    Before it, have these in place, as the settings name them:
      keys       made by: skerry-node init
      root       the consortium's root; compare its fingerprint by telephone
      tls_ca     the authority's certificate; the token says whether it is the right one

    A token is good for 15 minutes, once, and only for this centre's own key. A running node renews its
    certificate by itself; one that was off for a week enrols again.
    """
    from node.enrolling import enrol as enter
    from node.enrolling_link import ask_enrolment

    settings = settings_of(context)
    if is_running(settings.data):
        what, advice = "the node is running", "stop it first, and start it again after this"
        raise ProgramError(Exit.WRONG_USE, "running", what, advice)
    try:
        invitation = Invitation.parse(token or _typed())
        entered = enter(settings, invitation, lambda ca, octets: ask_enrolment(at, ca, octets), system_clock)
    except WireError as error:
        advice = "paste the whole token, as it was given to you"
        raise ProgramError(Exit.WRONG_USE, "token", str(error), advice) from None
    except RulesError as error:
        advice = error.next_step or SETTINGS_ADVICE
        raise ProgramError(Exit.WRONG_USE, "settings", str(error), advice, problems=error.problems) from None
    except NotEnrolledError as error:
        advice = (
            "ask for a new token, and whether the roster has this centre's key; see that this machine's"
            " clock is right; the coordinator's log has the reason"
        )
        raise ProgramError(Exit.REFUSED, "not_enrolled", str(error), advice) from None
    except UnreachableError as error:
        advice = "check --at, and that the authority's certificate (tls_ca) is the coordinator's"
        raise ProgramError(Exit.UNREACHABLE, "unreachable", str(error), advice) from None
    roster, who = entered.trusted.roster, settings.centre_id
    own = fingerprint_of("centre", who.text, roster.centres[who].keys)
    tree = {
        "format": "skerry.enrolment/1",
        "centre": who.text,
        "certificate_until": entered.expires.isoformat(),
        "roster_version": roster.version,
        "root_fingerprint": fingerprint_of_root(entered.root),
        "own_fingerprint": own,
        "authority_sha256": str(entered.authority),
    }
    if json:
        print_json(tree)
        return
    until = shown_time(entered.expires.isoformat())
    lines = (
        f"{who} has entered; its certificate holds until {until}; the running node renews it",
        f"roster version {roster.version}, of the root: {tree['root_fingerprint']}",
        f"this centre's keys: {own}",
    )
    sys.stdout.write("\n".join(lines) + "\n")


def _typed() -> str:
    """Read a token that should not stand on a command line, where others of the machine see it."""
    if sys.stdin.isatty():
        return getpass.getpass("token: ")
    return sys.stdin.readline()
