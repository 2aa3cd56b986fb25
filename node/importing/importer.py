"""Imports a file or a folder as one snapshot, whole or not at all (spec/importing.md 1).

Everything is read and checked before anything is written under a name that counts. What a crash
leaves is encrypted, is in no list, and is removed by the next import.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from node.errors import FileRefused, ImportRefused, SnapshotError
from node.importing.checks import check
from node.importing.records import Batch, RaggedRows, read_batches
from node.importing.report import Finding, ImportReport, Reason, Status, TableReport, Total, row_shown
from node.importing.rules import cannot_tell_codes_apart
from node.importing.sources import Source, digest, find_sources
from node.importing.staging import stage, staged_tables, staging
from node.importing.writing import write_snapshot
from node.snapshots import FORMAT, Snapshots
from protocols.dictionary import Dictionary
from protocols.ids import SnapshotId


@dataclass(frozen=True, slots=True, kw_only=True)
class _Import:
    """What one call was asked for."""

    dictionary: Dictionary
    snapshots: Snapshots
    rows_are_patients: bool
    dry_run: bool
    progress: Callable[[str], None]
    now: datetime

    def report(
        self, status: Status, tables: tuple[TableReport, ...], snapshot: SnapshotId | None = None
    ) -> ImportReport:
        return ImportReport(
            status=status,
            registry=self.dictionary.name,
            dictionary=self.dictionary.digest,
            at=self.now,
            snapshot=snapshot,
            tables=tables,
        )

    def refused(self, what: str, next_step: str, tables: tuple[TableReport, ...]) -> ImportRefused:
        report = self.report(Status.REFUSED, tables)
        return ImportRefused(what, next_step, replace(report, what=what, next_step=next_step))


def import_snapshot(  # noqa: PLR0913 -- the wishes of the custodian, each named
    source: Path,
    *,
    dictionary: Dictionary,
    snapshots: Snapshots,
    rows_are_patients: bool,
    dry_run: bool = False,
    progress: Callable[[str], None],
    now: datetime,
) -> ImportReport:
    """Import `source` as the current snapshot, or say why not.

    `rows_are_patients` is the custodian's word that each row is one patient, needed where the
    dictionary names no patient key. `progress` gets short lines that name tables and count rows.
    Raises ImportRefused; then nothing was committed and nothing is left.
    """
    if now.tzinfo is None:
        msg = "`now` has a time zone"
        raise RuntimeError(msg)
    job = _Import(
        dictionary=dictionary,
        snapshots=snapshots,
        rows_are_patients=rows_are_patients,
        dry_run=dry_run,
        progress=progress,
        now=now.astimezone(UTC),
    )
    try:
        return _import(job, source)
    except FileRefused as refusal:
        raise job.refused(refusal.what, refusal.next_step, (_file_report(refusal, dictionary),)) from None
    except SnapshotError as error:
        raise job.refused(error.what, error.next_step, ()) from None
    except duckdb.Error:
        # Its text may quote a value.
        what = "the database could not finish the import"
        raise job.refused(what, "check that the disk has room, and import again", ()) from None
    except OSError:
        raise job.refused(
            "the disk could not be read or written", "check its room and its permissions", ()
        ) from None


def _import(job: _Import, source: Path) -> ImportReport:
    _check_dictionary(job)
    sources = find_sources(source, job.dictionary)
    digests = [digest(one) for one in sources]
    fingerprint = _fingerprint(job, digests)
    unchanged = None if job.dry_run else job.snapshots.find(fingerprint)
    if unchanged is not None:
        return job.report(Status.UNCHANGED, (), unchanged.id)
    with job.snapshots.importing() as folder:
        if job.dry_run:
            return job.report(Status.VALID, _checked(job, sources, digests, folder))
        return _committed(job, sources, digests, folder, fingerprint)


def _check_dictionary(job: _Import) -> None:
    for table in job.dictionary.tables:
        if table.key is None and not job.rows_are_patients:
            raise FileRefused(
                table.name,
                Reason.PATIENTS_NOT_CONFIRMED,
                f"table {table.name!r} has no patient key, so each row would count as one patient",
                "confirm that each row is one patient, or mark the key in the dictionary"
                " with skerry: {role: key}",
            )
        for field in table.fields:
            if cannot_tell_codes_apart(field):
                raise FileRefused(
                    table.name,
                    Reason.CODES,
                    f"field {field.name!r} has codes that are the same number in 64-bit arithmetic",
                    "declare the codes as text (type: string)",
                    field=field.name,
                )


def _fingerprint(job: _Import, digests: list[bytes]) -> bytes:
    confirmed = b"rows are patients" if job.rows_are_patients else b"patients have keys"
    return job.snapshots.fingerprint(str(FORMAT).encode(), job.dictionary.digest.octets, confirmed, *digests)


def _checked(
    job: _Import, sources: tuple[Source, ...], digests: list[bytes], folder: Path
) -> tuple[TableReport, ...]:
    """Stage and check everything; what is staged goes with the connection."""
    with staging(folder, None) as con:
        return _staged(job, sources, digests, con)


def _committed(
    job: _Import, sources: tuple[Source, ...], digests: list[bytes], folder: Path, fingerprint: bytes
) -> ImportReport:
    snapshot = job.snapshots.fresh(job.dictionary.digest, job.now)
    partial = snapshot.path.with_name(snapshot.path.name + ".partial")
    with staging(folder, (partial, job.snapshots.key(snapshot))) as con:
        reports = _staged(job, sources, digests, con)
        job.progress("writing the snapshot")
        write_snapshot(con, staged_tables(job.dictionary), snapshot.id, job.dictionary.digest)
    job.snapshots.commit(partial, snapshot, fingerprint)
    return job.report(Status.COMMITTED, reports, snapshot.id)


def _staged(
    job: _Import, sources: tuple[Source, ...], digests: list[bytes], con: duckdb.DuckDBPyConnection
) -> tuple[TableReport, ...]:
    """Stage and check every table. Raises ImportRefused with what is wrong in all of them."""
    tables = staged_tables(job.dictionary)
    reports = []
    for staged, source, expected in zip(tables, sources, digests, strict=True):
        job.progress(f"reading table {staged.table.name!r}")
        batches = _told(job, read_batches(source, expected))
        left_out = stage(con, staged, batches, job.snapshots.secrets)
        has_header = source.table.dialect.has_header
        report = TableReport(
            table=staged.table.name, file=source.shown, has_header=has_header, left_out=left_out
        )
        reports.append(report)
    job.progress("checking")
    patients = next(t for t in tables if t.table.name == job.dictionary.patient_table)
    checked = tuple(
        check(con, staged, patients, report) for staged, report in zip(tables, reports, strict=True)
    )
    if any(report.totals for report in checked):
        raise job.refused(*_said(checked), checked)
    return checked


def _told(job: _Import, batches: Iterator[Batch]) -> Iterator[Batch]:
    """Pass batches on and say how far the reading has come."""
    for batch in batches:
        yield batch
        job.progress(f"{batch.rows[-1]:,} rows read")


def _said(reports: tuple[TableReport, ...]) -> tuple[str, str]:
    """Say in one sentence what is wrong, and what to do."""
    report = next(report for report in reports if report.totals)
    wrong = sum(report.wrong for report in reports)
    more = f" (and {wrong - 1:,} more; the import report lists them)" if wrong > 1 else ""
    first = report.findings[0]
    row = row_shown(first.row or 0, has_header=report.has_header)
    place = f"{report.file}: {row}: " + (f"field {first.field!r}: " if first.field else "")
    return f"{place}{first.sentence}{more}", "correct the file, or the dictionary where it is wrong"


def _file_report(refusal: FileRefused, dictionary: Dictionary) -> TableReport:
    headers = {table.name: table.dialect.has_header for table in dictionary.tables}
    report = TableReport(table=refusal.table, file=refusal.file, has_header=headers.get(refusal.table, True))
    if isinstance(refusal, RaggedRows):
        return replace(report, totals=(refusal.total,), findings=tuple(refusal.findings))
    finding = Finding(
        table=refusal.table,
        row=refusal.row,
        field=refusal.field,
        reason=refusal.reason,
        sentence=refusal.what,
    )
    total = Total(field=refusal.field, reason=refusal.reason, rows=1)
    return replace(report, totals=(total,), findings=(finding,))
