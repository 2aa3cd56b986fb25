"""The privacy officer's commands about studies: `study list`, `show`, `approve`, `reject`."""

import sys
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.commands.opening import Json, rules_of, settings_of
from node.errors import RulesError
from node.keys import read_secret
from node.rules import Rules
from node.settings import Settings
from node.study_folder import Filed, filed_studies, own_decisions, place_of, put_decision
from node.study_here import StudyHere, study_here
from protocols.clock import system_clock
from protocols.decisions import MAX_REASON, Decision, Verdict, decision_text, is_reason
from protocols.errors import ProtocolError, TextError
from protocols.keys import KEY_BYTES
from protocols.program import Exit, ProgramError, one_line, print_json
from protocols.signed_text import MAX_BYTES, SignedText
from protocols.study_reading import study_of
from protocols.study_signing import APPROVAL, approvers
from protocols.study_words import statements

if TYPE_CHECKING:
    from protocols.studies import Study

app = typer.Typer(
    help="What may be asked here: studies, and the officer's decision on each.", no_args_is_help=True
)
StudyFile = Annotated[Path, typer.Argument(metavar="FILE", help="The study, as it was sent to you.")]
OfficerKey = Annotated[
    Path, typer.Option("--key", metavar="KEY", help="Your signing key: 32 bytes, readable by you only.")
]
_SHOW = "see it with: skerry-node study show FILE"


@app.command("list")
def list_command(context: typer.Context, json: Json = False) -> None:
    """List the studies that this centre obeys, and what was decided here."""
    settings, rules = _opened(context)
    now = system_clock()
    studies = [_line(one, rules, now) for one in _filed(settings).values()]
    decisions = [
        {
            "file": path.name,
            **({"wrong": one} if isinstance(one, str) else _decision_json(one)),
        }
        for path, one in own_decisions(settings, rules.roster).items()
    ]
    if json:
        print_json({"format": "skerry.studies/1", "studies": studies, "decisions": decisions})
        return
    lines = [
        f"{one['study']}: {one['state']}, until {one['expires'][:10]}: {one['title']}" for one in studies
    ]
    lines = lines or ["no study is in force: nobody may ask anything"]
    for one in decisions:
        if "wrong" in one:
            lines.append(f"decision {one['file']} does not count: {one['wrong']}")
        else:
            reason = f": {one['reason']}" if one["reason"] else ""
            lines.append(f"{one['at']}: {one['officer']} {one['decision']} {one['study']}{reason}")
    sys.stdout.write("".join(f"{one_line(line)}\n" for line in lines))


@app.command("show")
def show(
    context: typer.Context,
    file: StudyFile,
    page: Annotated[
        Path | None, typer.Option("--page", metavar="FILE", help="Also write it as a page: FILE.html.")
    ] = None,
    json: Json = False,
) -> None:
    """Say in plain language what a study would allow at this centre, and what it may cost at most.

    Who asks, what, how, until when; the most that it can lose here; what this centre's policy refuses
    anyway; and what is wrong with it, if anything: a study with a fault cannot be approved.
    """
    settings, rules = _opened(context)
    text, study = _read(file)
    now = system_clock()
    here = study_here(text, study, rules, now)
    is_in_force = _is_in_force(_filed(settings), here)
    if page is not None:
        _write_page(page, here, now)
    if json:
        print_json(here.to_json() | {"is_in_force": is_in_force})
    else:
        sys.stdout.write(_show_text(here, is_in_force=is_in_force))


@app.command("approve")
def approve(
    context: typer.Context,
    file: StudyFile,
    key: OfficerKey,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of a study of the same name.")
    ] = False,
    json: Json = False,
) -> None:
    """Approve a study: this centre then obeys exactly these bytes.

    Your signature is added to its text, which goes into the studies folder; a decision to be sent back goes
    into the data folder. A running node obeys it once it has read its papers again (SIGHUP).
    """
    settings, rules = _opened(context)
    secret = _officer_key(key, settings, rules)
    text, study = _read(file)
    now = system_clock().replace(microsecond=0)
    here = study_here(text, study, rules, now)
    if here.problems:
        what = f"the study {file} cannot be approved here: {here.problems[0]}"
        raise ProgramError(Exit.WRONG_USE, "study", what, _SHOW, problems=here.problems)
    before = _filed(settings).get(study.id)
    changes = [] if before is None else _changes(before.study, study, rules)
    if before is not None and before.body == here.body:
        what = f"the study {str(study.id)!r} is in force here already, with the same text"
        raise ProgramError(Exit.WRONG_USE, "in_force", what, "there is nothing to decide")
    if before is not None and not replace:
        what = f"another study {str(study.id)!r} is in force here; it would change: {'; '.join(changes)}"
        raise ProgramError(Exit.WRONG_USE, "in_force", what, "to put this one in its place: --replace")
    if settings.officer_id not in approvers(text, rules.roster):
        text = text.signed_by(settings.officer, secret, APPROVAL)
    decision = _decide(settings, here, Verdict.APPROVED, "", now)
    try:
        place = place_of(settings, study.id, before)
        octets = decision_text(decision, secret)
        told = put_decision(settings, decision, octets, study=(place, text.to_bytes()))
    except RulesError as error:
        raise _not_put(error) from None
    tree = {
        "format": "skerry.study-decision/1",
        **_decision_json(decision),
        "study_file": str(place),
        "decision_file": str(told),
        "changes": changes,
    }
    lines = [
        *changes,
        f"the study {study.id} is approved: {place}",
        f"the hash of its body is {here.body}",
        f"send this decision back to who proposed it: {told}",
        "a running node obeys it once it has read its papers again (SIGHUP), or after a restart",
    ]
    _tell(tree, lines, json=json)


@app.command("reject")
def reject(
    context: typer.Context,
    file: StudyFile,
    key: OfficerKey,
    reason: Annotated[
        str, typer.Option("--reason", metavar="REASON", help="Why, in one line, for who proposed it.")
    ],
    json: Json = False,
) -> None:
    """Reject a study: write a signed decision that says why, to be sent back.

    Nothing else changes: a study that nobody approved is not obeyed anyway.
    """
    settings, rules = _opened(context)
    secret = _officer_key(key, settings, rules)
    if not is_reason(reason, Verdict.REJECTED):
        what = f"--reason is a line of 1 to {MAX_REASON} characters, without control characters"
        raise ProgramError(Exit.WRONG_USE, "reason", what, 'such as --reason "no permit for this purpose"')
    text, study = _read(file)
    now = system_clock().replace(microsecond=0)
    here = study_here(text, study, rules, now)
    before = _filed(settings).get(study.id)
    if before is not None and before.body == here.body:
        what = f"the study {str(study.id)!r} is in force here: a rejection would not be true"
        raise ProgramError(Exit.WRONG_USE, "in_force", what, f"take {before.path} out of its folder first")
    decision = _decide(settings, here, Verdict.REJECTED, reason, now)
    try:
        told = put_decision(settings, decision, decision_text(decision, secret))
    except RulesError as error:
        raise _not_put(error) from None
    tree = {
        "format": "skerry.study-decision/1",
        **_decision_json(decision),
        "study_file": None,
        "decision_file": str(told),
        "changes": [],
    }
    lines = [
        f"the study {study.id} is rejected: {reason}",
        f"send this decision back to who proposed it: {told}",
    ]
    _tell(tree, lines, json=json)


def _opened(context: typer.Context) -> tuple[Settings, Rules]:
    settings = settings_of(context)
    return settings, rules_of(settings)


def _read(file: Path) -> tuple[SignedText, "Study"]:
    advice = "ask who proposed it for the right file; every key is in protocols/spec/study.md"
    try:
        with file.open("rb") as opened:
            text = SignedText.parse(opened.read(MAX_BYTES + 1))
        return text, study_of(text.body)
    except OSError as error:
        what = f"the study {file} cannot be read ({error.strerror})"
        raise ProgramError(Exit.WRONG_USE, "study", what, "name the file that was sent to you") from None
    except TextError as error:
        what = f"the study {file} is wrong: {error.problems[0]}"
        raise ProgramError(Exit.WRONG_USE, "study", what, advice, problems=error.problems) from None
    except ProtocolError as error:
        raise ProgramError(Exit.WRONG_USE, "study", f"the study {file} is wrong: {error}", advice) from None


def _filed(settings: Settings) -> "dict[Any, Filed]":
    try:
        return dict(filed_studies(settings))
    except RulesError as error:
        raise ProgramError(Exit.WRONG_USE, "rules", str(error), "put the right file there") from None


def _is_in_force(filed: "dict[Any, Filed]", here: StudyHere) -> bool:
    one = filed.get(here.study.id)
    return one is not None and one.body == here.body


def _officer_key(path: Path, settings: Settings, rules: Rules) -> Ed25519PrivateKey:
    advice = f"name the signing key of {settings.officer!r}, the officer in the settings"
    try:
        octets = read_secret(path)
    except RulesError as error:
        raise ProgramError(Exit.WRONG_USE, "key", str(error), advice) from None
    if len(octets) != KEY_BYTES:
        what = f"{path} is not an Ed25519 key of {KEY_BYTES} bytes"
        raise ProgramError(Exit.WRONG_USE, "key", what, advice)
    secret = Ed25519PrivateKey.from_private_bytes(octets)
    own = rules.roster.officers[settings.officer_id].keys.signing
    if secret.public_key().public_bytes_raw() != own.public_bytes_raw():
        what = f"{path} is not the key of the officer {settings.officer!r} in the roster"
        raise ProgramError(Exit.WRONG_USE, "key", what, advice)
    return secret


def _decide(settings: Settings, here: StudyHere, verdict: Verdict, reason: str, now: datetime) -> Decision:
    return Decision(
        study=here.study.id,
        body=here.body,
        centre=settings.centre_id,
        officer=settings.officer_id,
        verdict=verdict,
        reason=reason,
        at=now,
    )


def _changes(before: "Study", after: "Study", rules: Rules) -> list[str]:
    """Say what another study of the same name would change, in the words of both."""
    old, new = (
        dict.fromkeys(one.words for one in statements(study, rules.dictionary, rules.roster))
        for study in (before, after)
    )
    gone = [f"no more: {words}" for words in old if words not in new]
    return gone + [f"new: {words}" for words in new if words not in old] or ["its wording only"]


def _decision_json(one: Decision) -> dict[str, Any]:
    return {
        "study": str(one.study),
        "body": str(one.body),
        "centre": str(one.centre),
        "officer": str(one.officer),
        "decision": one.verdict.value,
        "reason": one.reason,
        "at": one.at.isoformat(),
    }


def _line(filed: Filed, rules: Rules, now: datetime) -> dict[str, Any]:
    one = filed.study
    state = "in force"
    if one.dictionary != rules.dictionary.digest:
        state = "of another dictionary"
    elif now >= one.expires:
        state = "expired"
    elif one.begins is not None and now < one.begins:
        state = "not begun"
    return {
        "study": str(one.id),
        "title": one.title,
        "file": filed.path.name,
        "body": str(filed.body),
        "state": state,
        "begins": one.begins.isoformat() if one.begins else None,
        "expires": one.expires.isoformat(),
    }


def _show_text(here: StudyHere, *, is_in_force: bool) -> str:
    proposed = ", ".join(here.proposed_by) or "nobody of the roster"
    state = "in force here" if is_in_force else "not in force here"
    lines = [f"study {here.study.id}, proposed by {proposed}; {state}"]
    lines += [f"a signature of {who} means nothing here" for who in here.without_worth]
    parts = {
        "What is wrong: it cannot be approved here": [str(one) for one in here.problems],
        "What it may cost at most here": list(here.costs),
        "What this centre refuses anyway": list(here.refuses) or ["Nothing: the policy allows all of it."],
        **here.sections,
        "The text that is decided on": [f"Hash of the body: {here.body}"],
    }
    for title, those in parts.items():
        if those:
            lines += ["", title, *(f"* {words}" for words in those)]
    return "".join(f"{one_line(line)}\n" for line in lines)


def _write_page(page: Path, here: StudyHere, now: datetime) -> None:
    from node.study_page import study_page

    if page.suffix != ".html":
        what = f"the page cannot be written to {page}: a page's name ends with .html"
        raise ProgramError(Exit.WRONG_USE, "page", what, "name it such as study.html")
    text = study_page(here, made_at=now, version=version("skerry"))
    try:
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        what = f"the page cannot be written to {page} ({error.strerror})"
        raise ProgramError(Exit.WRONG_USE, "page", what, "name a file in a folder that is there") from None


def _not_put(error: RulesError) -> ProgramError:
    advice = error.next_step or "see that you may write to the folder, and decide again"
    return ProgramError(Exit.WRONG_USE, "not_written", str(error), advice)


def _tell(tree: dict[str, Any], lines: list[str], *, json: bool) -> None:
    if json:
        print_json(tree)
    else:
        sys.stdout.write("".join(f"{one_line(line)}\n" for line in lines))
