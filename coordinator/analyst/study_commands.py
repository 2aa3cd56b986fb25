"""The commands about a study as a document: `skerry study new`, `check`, `sign`, `status`."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.analyst.opening import Json
from coordinator.analyst.profile import Profile, load_profile, read_secret
from coordinator.analyst.study_files import (
    StudyFile,
    check_study,
    read_decisions,
    read_study,
    replace_text,
    write_new,
)
from coordinator.errors import SettingsError
from protocols.clock import system_clock
from protocols.decisions import Decision, latest
from protocols.keys import KEY_BYTES
from protocols.program import Exit, ProgramError, one_line, print_json
from protocols.roster import Analyst, Officer
from protocols.study_reading import FILL_IN
from protocols.study_signing import PROPOSAL, approvers, member_of, proposers, study_digest, without_worth
from protocols.study_words import statements
from protocols.study_writing import study_template

study_app = typer.Typer(
    help="Write a study, propose it, and see what the centres' officers decided.", no_args_is_help=True
)
Study = Annotated[Path, typer.Argument(metavar="FILE", help="The study (protocols/spec/study.md).")]


@study_app.command("new")
def new(context: typer.Context, file: Study, json: Json = False) -> None:
    """Write a study to be filled in: a file that was not there, every key with a comment.

    Registry, dictionary, centres and analyst are those of your profile. Fill in what is marked, take out
    what the study does not need, then run: skerry study check FILE
    """
    profile = _profile(context)
    text = study_template(profile.dictionary, profile.analyst, profile.centres)
    write_new(file, text)
    marks = sum(FILL_IN in line for line in text.splitlines() if not line.startswith("#"))
    if json:
        print_json({"format": "skerry.study-new/1", "file": str(file), "to_fill_in": marks})
    else:
        where = one_line(str(file))
        sys.stdout.write(
            f"wrote {where}: {marks} lines to fill in; they say {FILL_IN}\n"
            f"then run: skerry study check {where}\n"
        )


@study_app.command("check")
def check(context: typer.Context, file: Study, json: Json = False) -> None:
    """Say everything that is wrong with a study, or in plain language what it would allow.

    It is held against the dictionary and the roster of your profile; nothing is sent. What each centre makes
    of it depends on its policy: its officer sees that with `skerry-node study show`.
    """
    profile = _profile(context)
    one = read_study(file)
    check_study(one, profile, system_clock())
    if json:
        print_json(_checked(one, profile))
    else:
        sys.stdout.write(_check_text(one, profile))


@study_app.command("sign")
def sign(
    context: typer.Context,
    file: Study,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="KEY", help="Whose proposal it is; without, your profile's key."),
    ] = None,
    json: Json = False,
) -> None:
    """Propose a study: add your signature to the file, after everything has been checked.

    Yours is the key of your profile, or --key: the signing key of an analyst or an officer of the roster. It
    allows nothing yet: the officer of each centre approves exactly these bytes, or rejects them.
    """
    profile = _profile(context)
    one = read_study(file)
    check_study(one, profile, system_clock())
    worthless = without_worth(one.text, profile.roster)
    if worthless:
        what = f"the signature of {worthless[0]!r} in {file} fits neither this text nor the roster"
        advice = "the study was changed after it was signed: take the signature lines out, and sign it anew"
        raise ProgramError(Exit.WRONG_USE, "signature", what, advice)
    secret = profile.signing_key if key is None else _key(key)
    member = _member(secret, profile, key)
    if member.id in proposers(one.text, profile.roster):
        what = f"{str(member.id)!r} has proposed the study {file} already"
        raise ProgramError(Exit.WRONG_USE, "signed", what, "send it to the centres' officers")
    signed = one.text.signed_by(member.id.text, secret, PROPOSAL)
    replace_text(file, signed.to_bytes())
    tree = {
        "format": "skerry.study-sign/1",
        "study": str(one.study.id),
        "body": str(study_digest(signed)),
        "proposed_by": [str(who) for who in proposers(signed, profile.roster)],
    }
    if json:
        print_json(tree)
    else:
        centres = ", ".join(map(str, sorted(one.study.centres)))
        sys.stdout.write(
            f"{member.id} proposes the study {one.study.id}; the hash of its body is {tree['body']}\n"
            f"send {one_line(str(file))} to the officers of: {centres}\n"
        )


@study_app.command("status")
def status(
    context: typer.Context,
    file: Study,
    decisions: Annotated[
        Path,
        typer.Option("--decisions", metavar="FOLDER", help="Where you keep what the centres sent back."),
    ],
    json: Json = False,
) -> None:
    """Show what each centre decided on exactly this text: approved, rejected and why, or no word.

    A decision counts only with the signature of an officer of that centre in the roster, and of the text as
    it is now. Of several, a centre's last one counts.
    """
    profile = _profile(context)
    one = read_study(file)
    found = read_decisions(decisions, profile.roster)
    tree = _status(one, found)
    if json:
        print_json(tree)
    else:
        sys.stdout.write(_status_text(one, tree))


def _profile(context: typer.Context) -> Profile:
    try:
        return load_profile(context.find_root().obj)
    except SettingsError as error:
        advice = "correct it, or name another profile with: skerry --profile FILE ..."
        raise ProgramError(Exit.WRONG_USE, "profile", str(error), advice, problems=error.problems) from None


def _key(path: Path) -> Ed25519PrivateKey:
    advice = "name the file of an analyst's or an officer's signing key"
    try:
        octets = read_secret(path)
    except SettingsError as error:
        raise ProgramError(Exit.WRONG_USE, "key", str(error), advice) from None
    if len(octets) != KEY_BYTES:
        what = f"{path} is not an Ed25519 key of {KEY_BYTES} bytes"
        raise ProgramError(Exit.WRONG_USE, "key", what, advice)
    return Ed25519PrivateKey.from_private_bytes(octets)


def _member(secret: Ed25519PrivateKey, profile: Profile, key: Path | None) -> Analyst | Officer:
    member = member_of(secret.public_key(), profile.roster)
    if member is None:
        whose = "your profile's signing_key" if key is None else str(key)
        what = f"the roster knows no analyst and no officer with the key {whose}"
        raise ProgramError(Exit.WRONG_USE, "key", what, "ask the consortium for the roster in force")
    return member


def _checked(one: StudyFile, profile: Profile) -> dict[str, Any]:
    says = statements(one.study, profile.dictionary, profile.roster)
    return {
        "format": "skerry.study-check/1",
        "is_valid": True,
        "study": str(one.study.id),
        "body": str(study_digest(one.text)),
        "proposed_by": [str(who) for who in proposers(one.text, profile.roster)],
        "approved_by": [str(who) for who in approvers(one.text, profile.roster)],
        "without_worth": list(without_worth(one.text, profile.roster)),
        "says": [{"section": each.section, "key": each.key, "words": each.words} for each in says],
    }


def _check_text(one: StudyFile, profile: Profile) -> str:
    tree = _checked(one, profile)
    signed = f"proposed by {', '.join(tree['proposed_by'])}" if tree["proposed_by"] else "not proposed yet"
    lines = [f"{one.path} is a valid study; it is {signed}."]
    lines += [f"approved by {who}" for who in tree["approved_by"]]
    lines += [f"without worth: a signature of {who}" for who in tree["without_worth"]]
    section = ""
    for each in tree["says"]:
        if each["section"] != section:
            section = each["section"]
            lines += ["", section]
        lines.append(f"* {each['words']}")
    return "".join(f"{one_line(line)}\n" for line in lines)


def _status(one: StudyFile, found: dict[Path, Decision | str]) -> dict[str, Any]:
    body = study_digest(one.text)
    words = latest((each for each in found.values() if isinstance(each, Decision)), body)
    left_out = {path.name: each for path, each in found.items() if isinstance(each, str)}
    for path, each in found.items():
        if isinstance(each, Decision) and each.body != body:
            left_out[path.name] = f"it is about another text, of the study {str(each.study)!r}"
        elif isinstance(each, Decision) and each.centre not in one.study.centres:
            left_out[path.name] = f"the study does not ask the centre {str(each.centre)!r}"
    return {
        "format": "skerry.study-status/1",
        "study": str(one.study.id),
        "body": str(body),
        "centres": {str(centre): _word(words.get(centre)) for centre in sorted(one.study.centres)},
        "left_out": left_out,
    }


def _word(decision: Decision | None) -> dict[str, Any]:
    if decision is None:
        return {"state": "no_word", "officer": None, "reason": None, "at": None}
    return {
        "state": decision.verdict.value,
        "officer": str(decision.officer),
        "reason": decision.reason,
        "at": decision.at.isoformat(),
    }


def _status_text(one: StudyFile, tree: dict[str, Any]) -> str:
    lines = [f"study {tree['study']}: {one.study.title}"]
    for centre, word in tree["centres"].items():
        if word["officer"] is None:
            lines.append(f"{centre}: no word")
        else:
            reason = f": {word['reason']}" if word["reason"] else ""
            lines.append(f"{centre}: {word['state']} by {word['officer']} at {word['at']}{reason}")
    lines += [f"does not count: {name}: {why}" for name, why in tree["left_out"].items()]
    return "".join(f"{one_line(line)}\n" for line in lines)
