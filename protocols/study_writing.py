"""A study to be filled in: every key with a comment, and what the roster and dictionary say. spec/study.md 4.

What nobody but its author can know is marked with FILL IN; no study in which a mark is left can be read.
"""

from collections.abc import Sequence

from protocols.dictionary import Dictionary, Field
from protocols.ids import AnalystId, CentreId
from protocols.queries import Kind
from protocols.signed_text import quoted
from protocols.study_reading import FILL_IN
from protocols.study_words import queryable_of


def study_template(dictionary: Dictionary, analyst: AnalystId, centres: Sequence[CentreId]) -> str:
    """Write the template: TOML, to be completed, checked and signed."""
    names = sorted(str(one) for one in centres)
    parts = [
        _HEAD,
        _key("id", FILL_IN, "Its name, which questions give: letters, digits, - _ and . (63 at most)."),
        _key("title", FILL_IN, "One line for people."),
        _key("purpose", FILL_IN, "Why it is asked: what will be known afterwards."),
        _key("legal_basis", FILL_IN, "On what law or consent the processing rests."),
        _key(
            "permit",
            FILL_IN,
            'The id of the permit or of the ethics vote. Without one, say so: permit = "none".',
        ),
        _key("readers", FILL_IN, "Who will see the results, such as: the study group; then published."),
        _key("registry", dictionary.name, "The registry, as its dictionary names it."),
        _key("dictionary", str(dictionary.digest), "The hash of the dictionary for which the study holds."),
        _list("statistics", [FILL_IN], f"Of: {', '.join(one.value for one in Kind)}."),
        _list(
            "modes",
            ["dp"],
            "Of: dp (noise, differential privacy), suppressed (small counts hidden, no noise).",
            "With suppressed, also fill in the table [suppressed] at the end.",
        ),
        _list("scopes", ["centre"], "centre: each centre's own answer leaves, with its full noise."),
        _list(
            "fields",
            [FILL_IN],
            "The fields that a question may name, no more than the purpose needs.",
            'All of them would be: fields = ["*"]. The registry has:',
            *(f"  {name}{_title(one)}" for name, one in sorted(queryable_of(dictionary).items())),
        ),
        _list("analysts", [str(analyst)], "Who may ask: analysts of the roster, by name."),
        _list("centres", names, "Who may be asked: centres of the roster, by name; at most these."),
        _number("quorum", str(len(names) // 2 + 1), "Of the centres asked, so many must answer."),
        _number(
            "min_centres",
            str(len(names) // 2 + 1),
            "A result needs so many centres: a question to fewer is refused.",
        ),
        _key(
            "colluders",
            FILL_IN,
            f"A number from 0 to {len(names) - 1}, without quotes: so many of the centres may work together",
            "with the coordinator against the others, and what is promised must still hold.",
        ),
        _key(
            "centres_per_person",
            FILL_IN,
            f"A number from 1 to {len(names)}, without quotes: at how many of the centres may one person be",
            "treated?",
            "She then loses so many times what she loses at one centre.",
        ),
        _key(
            "review",
            "none",
            "Whether people look at each release before it leaves: none, one_person, two_persons.",
            "This version of the nodes cannot hold releases for that, and refuses anything but none.",
        ),
        "# When it begins; leave it out where it begins at once.\n# begins = 2027-01-31T00:00:00Z\n",
        _key("expires", FILL_IN, "When it ends, a time without quotes, such as 2027-12-31T00:00:00Z."),
        _BUDGET,
        _key("study_rho", FILL_IN, 'What all its questions together may lose at each centre, such as "0.5".'),
        _key(
            "analyst_rho", FILL_IN, 'What the analysts of one institution may lose of that, such as "0.25".'
        ),
        _SUPPRESSED,
    ]
    return "\n".join(parts)


def _comment(lines: tuple[str, ...]) -> str:
    return "".join(f"# {line}\n" for line in lines)


def _key(name: str, value: str, *comment: str) -> str:
    return f"{_comment(comment)}{name} = {quoted(value)}\n"


def _number(name: str, value: str, *comment: str) -> str:
    return f"{_comment(comment)}{name} = {value}\n"


def _list(name: str, values: list[str], *comment: str) -> str:
    return f"{_comment(comment)}{name} = [{', '.join(map(quoted, values))}]\n"


def _title(field: Field) -> str:
    # Quoted: a title comes from elsewhere, and a line feed in it would end the comment.
    return f": {quoted(field.title)}" if field.title not in ("", field.name) else ""


_HEAD = f"""\
format = "skerry.study/1"

# What this study may ask. Fill in every line that says {FILL_IN}, then run:
#   skerry study check FILE
#   skerry study sign FILE
# and send the file to the officer of each centre, who approves or rejects exactly these bytes.
"""

_BUDGET = """\
# Losses are rho (zCDP), as text, or "unlimited". A centre's policy may allow less, never more.
[budget]"""

_SUPPRESSED = """\
# Only with mode suppressed: take the marks away. Rules: five, cms, opensafely, strict10.
# Each table is the statistic, and perhaps the cohort, of a question.
# [suppressed]
# rule = "five"
# questions = 20
# tables = [
#     "statistic: {kind: count, by: [FIELD, FIELD]}",
# ]
"""
