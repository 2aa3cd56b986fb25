"""What a node obeys: the roster, its studies and its policy, verified against keys that it pins.

Everything is read and verified before the node starts; one wrong file, and it does not start. What changes
while it runs is in `in_force.py`.
"""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from node.belief import believed
from node.errors import RulesError
from node.policy import Policy, open_policy
from node.settings import Settings
from protocols.dictionary import Dictionary, FieldName
from protocols.dictionary_text import read_dictionary
from protocols.documents import nearest, some
from protocols.errors import Problem, ProtocolError, TextError
from protocols.ids import CentreId, Digest, StudyId
from protocols.roster import Roster
from protocols.studies import EVERY, NO_REVIEW, Review, Study
from protocols.study_reading import open_study
from protocols.study_tables import tables_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The verified documents of one centre.

    `tables` are the questions that each study lists for mode `suppressed`; None: any.
    """

    centre: CentreId
    roster: Roster
    studies: dict[StudyId, Study]
    tables: dict[StudyId, frozenset[Digest] | None]
    policy: Policy
    dictionary: Dictionary
    dictionary_text: bytes
    policy_text: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRules:
    """A centre without papers in force: under this roster, its own do not verify, or it is not in it."""

    centre: CentreId
    roster: Roster


def load_dictionary(path: Path) -> tuple[Dictionary, bytes]:
    """Read a dictionary file. Raises RulesError with every problem."""
    octets = _read(path, "name an existing dictionary, YAML or JSON")
    try:
        return read_dictionary(octets), octets
    except TextError as error:
        what = f"the dictionary {path} is wrong: {error.problems[0]}"
        advice = "the format is in protocols/spec/dictionary.md"
        raise RulesError(what, problems=error.problems, next_step=advice) from None


def check_confirmed(dictionary: Dictionary, path: Path) -> None:
    """Refuse a dictionary with bounds that were drafted from patients. Raises RulesError.

    A loss is only worth its bounds, and those that patients' values set are none (spec/dictionary.md 7).
    """
    if dictionary.unconfirmed:
        raise RulesError(
            f"the dictionary {path} is a draft: nobody has confirmed {some(dictionary.unconfirmed)}",
            next_step="write what can be, not what was, and take each mark out of `drafted`;"
            f" skerry-node dictionary check {path} lists them all",
        )


def load_rules(settings: Settings) -> Rules:
    """Read and verify everything that the node obeys. Raises RulesError."""
    dictionary, text = load_dictionary(settings.dictionary)
    check_confirmed(dictionary, settings.dictionary)
    return rules_under(believed(settings).roster, settings, dictionary, text)


def rules_under(roster: Roster, settings: Settings, dictionary: Dictionary, text: bytes) -> Rules:
    """Read policy and studies, verified with the officer's key of a roster. Raises RulesError."""
    officer_key = _officer_key(roster, settings)
    path = settings.policy
    try:
        policy_text = _read(path)
        policy = open_policy(policy_text, settings.officer_id, officer_key)
        _check_forbidden(policy, dictionary)
        studies, tables = {}, {}
        for path in sorted(settings.studies.glob("*.toml")):
            study = open_study(_read(path), settings.officer_id, officer_key)
            _check_study(study, dictionary)
            if study.id in studies:
                raise RulesError(f"{path}: the study {str(study.id)!r} is there twice")
            studies[study.id] = study
            tables[study.id] = (
                tables_of(study, dictionary) if study.dictionary == dictionary.digest else frozenset()
            )
    except TextError as error:
        raise RulesError(f"{path}: {error.problems[0]}", problems=error.problems) from None
    except ProtocolError as error:
        raise RulesError(f"{path}: {error}") from None
    return Rules(
        centre=settings.centre_id,
        roster=roster,
        studies=studies,
        tables=tables,
        policy=policy,
        policy_text=policy_text,
        dictionary=dictionary,
        dictionary_text=text,
    )


def _check_forbidden(policy: Policy, dictionary: Dictionary) -> None:
    """Refuse a forbidden field that is none: a mistyped name would forbid nothing."""
    _check_fields(policy.forbidden_fields, dictionary, "policy", "forbids")


def _check_study(study: Study, dictionary: Dictionary) -> None:
    """Refuse a study of this dictionary that names another registry, or fields that are none.

    And one that demands what this version cannot do: it must never be passed over.
    """
    if study.review is not Review.NONE:
        raise TextError([Problem(line=0, where="study", what=NO_REVIEW)])
    if study.dictionary != dictionary.digest:
        return  # of another version: its queries are refused one by one
    if study.registry != dictionary.name:
        what = f"names the registry {study.registry!r}, and its dictionary is that of {dictionary.name!r}"
        raise TextError([Problem(line=0, where="study", what=what)])
    _check_fields(study.fields - {EVERY}, dictionary, "study", "allows")


def _check_fields(wanted: frozenset[str], dictionary: Dictionary, where: str, verb: str) -> None:
    names = [str(FieldName(table.name, one.name)) for table in dictionary.tables for one in table.fields]
    for name in sorted(wanted - set(names)):
        what = f"{verb} {name!r}, which is no field of the registry (write table.field)"
        raise TextError([Problem(line=0, where=where, what=what, next_step=nearest(name, names))])


def _officer_key(roster: Roster, settings: Settings) -> Ed25519PublicKey:
    if settings.centre_id not in roster.centres:
        raise RulesError(f"the roster does not know the centre {settings.centre!r}")
    officer = roster.officers.get(settings.officer_id)
    if officer is None or officer.centre != settings.centre_id:
        raise RulesError(
            f"the roster knows no officer {settings.officer!r} of the centre {settings.centre!r}"
        )
    return officer.keys.signing


def _read(path: Path, next_step: str = "") -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RulesError(f"{path} cannot be read ({error.strerror})", next_step=next_step) from None
