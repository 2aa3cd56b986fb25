"""What is wrong in a staged table: one pass counts, and only when a count is not zero rows are listed.

spec/importing.md 5. Checks of keys come after the fields are clean.
"""

# ruff: noqa: S608 -- statements are made of ordinals and of our own words; values are parameters

from dataclasses import dataclass, replace

import duckdb

from node.importing.report import MAX_LISTED, FieldReport, Finding, Reason, TableReport, Total, listed
from node.importing.rules import FINE, MISSING, OUTSIDE, VERDICTS, sentence
from node.importing.staging import StagedTable
from protocols.dictionary import Field


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a check found: exact totals, and the first findings of each."""

    totals: tuple[Total, ...] = ()
    findings: tuple[Finding, ...] = ()

    def __add__(self, other: "Found") -> "Found":
        """Put two together."""
        return Found(totals=self.totals + other.totals, findings=self.findings + other.findings)


def check(
    con: duckdb.DuckDBPyConnection, staged: StagedTable, patients: StagedTable, report: TableReport
) -> TableReport:
    """Check one staged table and complete its report. `patients` is the patient table, staged."""
    rows, distinct = _row(con, f"SELECT count(*), count(DISTINCT patient) FROM {staged.name}")
    counts = _verdict_counts(con, staged)
    found = _field_findings(con, staged, counts)
    if not found.totals:
        found = _key_findings(con, staged) + _primary_key_findings(con, staged)
        if staged.number != patients.number:
            found += _strangers(con, staged, patients)
    return replace(
        report,
        rows=rows,
        patients=distinct,
        stored=0 if found.totals else _stored(con, staged, rows),
        fields=_field_reports(staged, counts),
        totals=found.totals,
        findings=listed(found.findings),
    )


def _row(con: duckdb.DuckDBPyConnection, statement: str) -> tuple[int, ...]:
    row = con.execute(statement).fetchone()
    if row is None:
        msg = "an aggregate without groups gives one row"
        raise RuntimeError(msg)
    return tuple(row)


def _verdict_counts(con: duckdb.DuckDBPyConnection, staged: StagedTable) -> dict[str, dict[int, int]]:
    """Count the verdicts of every field in one pass."""
    columns = ["e_k", *(f"e{field.index}" for field in staged.fields)]
    row = con.execute(f"SELECT {', '.join(f'histogram({c})' for c in columns)} FROM {staged.name}").fetchone()
    return dict(zip(columns, row or (), strict=True))


def _field_findings(
    con: duckdb.DuckDBPyConnection, staged: StagedTable, counts: dict[str, dict[int, int]]
) -> Found:
    found = Found()
    for column, verdicts in counts.items():
        field = _field(staged, column)
        if field is None:
            continue
        for number, rows in verdicts.items():
            if number not in (FINE, MISSING, OUTSIDE):
                where = f"SELECT row FROM {staged.name} WHERE {column} = {number}"
                found += _listed(con, staged, field, VERDICTS[number], where, rows)
    return found


def _field(staged: StagedTable, column: str) -> Field | None:
    index = staged.key if column == "e_k" else int(column[1:])
    return None if index is None else staged.table.fields[index]


def _listed(  # noqa: PLR0913, PLR0917 -- the parts of a finding
    con: duckdb.DuckDBPyConnection,
    staged: StagedTable,
    field: Field | None,
    reason: Reason,
    where: str,
    rows: int,
) -> Found:
    numbers = con.execute(f"SELECT row FROM ({where}) ORDER BY row LIMIT {MAX_LISTED}").fetchall()
    name = field.name if field is not None else ""
    text = sentence(reason, field)
    return Found(
        totals=(Total(field=name, reason=reason, rows=rows),),
        findings=tuple(
            Finding(table=staged.table.name, row=row, field=name, reason=reason, sentence=text)
            for (row,) in numbers
        ),
    )


def _found_by(
    con: duckdb.DuckDBPyConnection, staged: StagedTable, field: Field | None, reason: Reason, where: str
) -> Found:
    """Count and list the rows that a statement selects."""
    (rows,) = _row(con, f"SELECT count(*) FROM ({where})")
    return _listed(con, staged, field, reason, where, rows) if rows else Found()


def _key_findings(con: duckdb.DuckDBPyConnection, staged: StagedTable) -> Found:
    """Patients must be told apart; where the cap is 1, each stands on one row."""
    if staged.key is None:
        return Found()
    field = staged.table.fields[staged.key]
    test = "count(*) > 1" if staged.table.cap == 1 else "min(k) <> max(k)"
    suspects = f"SELECT patient FROM {staged.name} GROUP BY patient HAVING {test}"
    (some,) = _row(con, f"SELECT count(*) FROM ({suspects})")
    if not some:
        return Found()
    mixed = f"SELECT patient FROM {staged.name} GROUP BY patient HAVING min(k) <> max(k)"
    collisions = _found_by(
        con, staged, field, Reason.KEY_COLLISION, f"SELECT row FROM {staged.name} WHERE patient IN ({mixed})"
    )
    if staged.table.cap > 1:
        return collisions
    twice = f"SELECT k FROM {staged.name} GROUP BY k HAVING count(*) > 1"
    return collisions + _found_by(
        con, staged, field, Reason.KEY_REPEATED, f"SELECT row FROM {staged.name} WHERE k IN ({twice})"
    )


def _primary_key_findings(con: duckdb.DuckDBPyConnection, staged: StagedTable) -> Found:
    if not staged.unique or (staged.unique == (staged.key,) and staged.table.cap == 1):
        return Found()
    columns = [f"u{index}" for index in staged.unique]
    names = ", ".join(columns)
    is_missing = " OR ".join(f"{column} IS NULL" for column in columns)
    field = staged.table.fields[staged.unique[0]] if len(staged.unique) == 1 else None
    missing = _found_by(
        con, staged, field, Reason.PRIMARY_KEY_MISSING, f"SELECT row FROM {staged.name} WHERE {is_missing}"
    )
    twice = f"SELECT {names} FROM {staged.name} WHERE NOT ({is_missing}) GROUP BY {names} HAVING count(*) > 1"
    (some,) = _row(con, f"SELECT count(*) FROM ({twice})")
    if not some:
        return missing
    where = f"SELECT row FROM {staged.name} SEMI JOIN ({twice}) AS twice USING ({names})"
    return missing + _found_by(con, staged, field, Reason.PRIMARY_KEY_REPEATED, where)


def _strangers(con: duckdb.DuckDBPyConnection, staged: StagedTable, patients: StagedTable) -> Found:
    if staged.key is None:
        msg = "a table beside the patient table has a patient key"
        raise RuntimeError(msg)
    where = f"SELECT row FROM {staged.name} ANTI JOIN {patients.name} USING (k)"
    return _found_by(con, staged, staged.table.fields[staged.key], Reason.UNKNOWN_PATIENT, where)


def _stored(con: duckdb.DuckDBPyConnection, staged: StagedTable, rows: int) -> int:
    """The rows that remain under the cap."""
    if not staged.needs_ranks:
        return rows
    (stored,) = _row(
        con,
        f"SELECT CAST(sum(least(n, {staged.table.cap})) AS BIGINT) FROM"
        f" (SELECT count(*) AS n FROM {staged.name} GROUP BY patient)",
    )
    return stored


def _field_reports(staged: StagedTable, counts: dict[str, dict[int, int]]) -> tuple[FieldReport, ...]:
    reports = []
    for field in staged.fields:
        verdicts = counts[f"e{field.index}"]
        outside = verdicts.get(OUTSIDE, 0)
        reports.append(
            FieldReport(
                name=staged.table.fields[field.index].name,
                missing=verdicts.get(MISSING, 0) + outside,
                outside=outside,
            )
        )
    return tuple(reports)
