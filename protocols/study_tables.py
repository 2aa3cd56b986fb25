"""The tables that a study lists for mode `suppressed`, read against a dictionary. spec/study.md 3.

A study names each table as people write a query: its statistic and its cohort. A query is inside
exactly when its canonical form is that of a listed table: no other grouping, no other cohort.
"""

from protocols.codec.queries import question_digest
from protocols.dictionary import Dictionary
from protocols.documents import parse
from protocols.errors import Problem, TextError
from protocols.ids import Digest
from protocols.query_text import read_table
from protocols.studies import Study


def tables_of(study: Study, dictionary: Dictionary) -> frozenset[Digest] | None:
    """Give the questions that a study lists; None when it lists none and any may be asked.

    Raises TextError, naming each wrong table by its place in the list, when one is none of the dictionary.
    """
    if study.suppressed is None or study.suppressed.tables is None:
        return None
    questions, problems = set(), []
    for place, text in enumerate(study.suppressed.tables, start=1):
        try:
            questions.add(question_digest(read_table(parse(text.encode()), dictionary)))
        except TextError as error:
            problems.append(_problem(error.problems[0], place))
    if problems:
        raise TextError(problems)
    return frozenset(questions)


def _problem(first: Problem, place: int) -> Problem:
    what = f"{first.where}: {first.what}" if first.where else first.what
    where = f"study: suppressed: table {place}"
    return Problem(line=0, where=where, what=what, next_step=first.next_step)
