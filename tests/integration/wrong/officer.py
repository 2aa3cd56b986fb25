"""Wrong uses of `skerry-node` by the privacy officer: budgets, releases, audits, policies, reports."""

from tests.integration.wrong import questions
from tests.integration.wrong.files import NOWHERE
from tests.integration.wrong.line import SEE, line_mistakes
from tests.integration.wrong.node import LEDGER_RUN, PAPERS
from tests.integration.wrong.policies import POLICIES, file_of
from tests.integration.wrong.settings import paper_mistakes, settings_mistakes
from tests.integration.wrong.use import CONFIG, Command, WrongUse

BUDGET = Command(name="skerry-node budget", start=f"{CONFIG} budget")
AUDIT = Command(name="skerry-node audit", start=f"{CONFIG} audit")
RELEASES = Command(name="skerry-node releases", start=f"{CONFIG} releases")
SHOW = Command(name="skerry-node releases show", start=f"{CONFIG} releases show", rest="0")
POLICY = Command(name="skerry-node policy check", start=f"{CONFIG} policy check", rest="{files}/policy.toml")
PREVIEW = Command(
    name="skerry-node policy preview", start=f"{CONFIG} policy preview", rest="{files}/policy.toml"
)
REPORT = Command(name="skerry-node report", start=f"{CONFIG} report")
ALL = (BUDGET, AUDIT, RELEASES, SHOW, POLICY, PREVIEW, REPORT)

BESIDE_A_ROSTER = ("asks a quorum beyond the centres",)
"""Questions that the dictionary alone does not show to be wrong."""
DAYS = [
    ("an empty day", "''"),
    ("a day in words", "yesterday"),
    ("a day that no month has", "2026-02-30"),
    ("a month that no year has", "2026-13-01"),
    ("a day with the year last", "01.11.2026"),
    ("a month for a day", "2026-11"),
    ("a day and a time", "2026-11-01T12:00"),
    ("a year of five digits", "12026-11-01"),
    ("a day in other digits", "\u0662\u0660\u0662\u0666-11-01"),
    ("a day with a space", "' 2026-11-01'"),
    ("a day with a control character", "'2026-11-01\x07'"),
]
MONTHS = [
    ("an empty month", "''"),
    ("a month in words", "November"),
    ("a month that no year has", "2026-13"),
    ("a month of nought", "2026-00"),
    ("a day for a month", "2026-11-01"),
    ("a month with the year last", "11.2026"),
    ("a month of two digits' year", "26-11"),
    ("a month without a dash", "202611"),
    ("a month in other digits", "\u0662\u0660\u0662\u0666-11"),
    ("a month with a space", "'2026-11 '"),
    ("a month before the calendar", "0000-01"),
    ("the first month of the calendar", "0001-01"),
]
FUTURE = ("a month that has not begun", "--month 2999-01", "the month 2999-01 has not begun", "")
PAGES = [
    ("a page in a folder that is not there", "--out {files}/gone/report.html", "cannot be written", ""),
    ("a page that is a folder", "--out {files}/folder.html", "cannot be written", ""),
    ("a page that is a policy", "--out {files}/policy.toml", "a page's name ends with .html", ""),
    ("a page without a name", "--out ''", "cannot be written", ""),
    ("a page below a file", "--out {files}/policy.toml/report.html", "cannot be written", ""),
    ("a page with an endless name", "--out {files}/" + "x" * 300 + ".html", "cannot be written", ""),
    ("a page that is a link to itself", "--out {files}/loop.html", "cannot be written", ""),
]
EVENTS = [
    ("an event of nobody", "999", "the ledger has no release at event 999", "skerry-node releases"),
    ("an event that is no release", "1", "the ledger has no release at event 1", "skerry-node releases"),
    ("an event below nought", "-1", "there is no option '-1' here", SEE),
    ("an event of a part", "1.5", "'1.5' is not a whole number", SEE),
    ("an event in words", "first", "'first' is not a whole number", SEE),
    ("an empty event", "''", "'' is not a whole number", SEE),
    ("an event beyond any count", "9" * 30, "is not in the range", SEE),
    ("an id for an event", "00ff" * 8, "is not a whole number", SEE),
    ("two events", "0 2", "got unexpected extra argument", SEE),
]


def officer_uses() -> list[WrongUse]:
    """Give every wrong use of the officer's commands."""
    every = [use for command in ALL for use in line_mistakes(command)]
    every += [
        use
        for command in (BUDGET, AUDIT, RELEASES, SHOW, PREVIEW, REPORT)
        for use in settings_mistakes(command)
    ]
    every += [use for command in (BUDGET, PREVIEW, REPORT) for use in paper_mistakes(command, PAPERS)]
    every += [
        use
        for command in (BUDGET, AUDIT, RELEASES, SHOW, PREVIEW, REPORT)
        for use in paper_mistakes(command, LEDGER_RUN[:2] + LEDGER_RUN[4:], exit_code=6)
    ]
    for command in (BUDGET, RELEASES):
        for option in ("--since", "--until"):
            every += command.with_rest(
                (f"{option} {name}", f"{option} {word}", f"{option} .* is no day", "write it as 2026-11-30")
                for name, word in DAYS
            )
        every += command.with_rest(
            [
                (
                    "days the wrong way round",
                    "--since 2026-11-02 --until 2026-11-01",
                    "--until 2026-11-01 lies before --since 2026-11-02",
                    "",
                )
            ]
        )
    every += BUDGET.with_rest(
        (f"by {word}", f"--by {word}", f"invalid value for '--by': '{word}'", SEE)
        for word in ("week", "MONTHS", "1")
    )
    every += RELEASES.with_rest(
        (f"a limit {name}", f"--limit {value}", "'--limit'", SEE)
        for name, value in (
            ("of nothing", "0"),
            ("below nothing", "-1"),
            ("of a part", "1.5"),
            ("in words", "all"),
            ("of nowhere", "''"),
        )
    )
    every += SHOW.with_rest(EVENTS)
    every += REPORT.with_rest(
        [
            *(
                (f"{name}", f"--month {word}", "--month .* is no month", "write it as 2026-11")
                for name, word in MONTHS
            ),
            FUTURE,
            *PAGES,
        ]
    )
    for command in (POLICY, PREVIEW):
        every += command.with_rest(
            (f"for a policy, {name}", word, says, "name the file that you want to check")
            for name, word, says in NOWHERE
        )
        every += command.with_rest(
            (f"a policy that {name}", f"{{files}}/{file_of(name)}", says, "protocols/spec/policy.md")
            for name, (_, says) in POLICIES.items()
        )
    return [*every, *_preview_uses()]


def _preview_uses() -> list[WrongUse]:
    """Give the wrong uses of the days and the made-up questions of a preview."""
    right = PREVIEW.rest
    rows = [
        (f"--since {name}", f"{right} --since {word}", "--since .* is no day", "write it as 2026-11-30")
        for name, word in DAYS
    ]
    rows += [
        (f"for a question, {name}", f"{right} --query {word}", says, "name an existing query file")
        for name, word, says in NOWHERE
    ]
    rows += [
        (
            f"a question that {name}",
            f"{right} --query {{files}}/{questions.file_of(name)}",
            says,
            "queries.md",
        )
        for name, (_, says, _) in questions.QUESTIONS.items()
        if name not in BESIDE_A_ROSTER
    ]
    rows.append(("two policies", f"{right} {right}", "got unexpected extra argument", SEE))
    return PREVIEW.with_rest(rows)
