"""Results made by hand: real heart patients at four centres, answered without a network.

The vectors are those of `reference`, the noise is drawn with a seed, and the receipts are made up:
nothing here is about verification.
"""

import csv
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache

import numpy as np

from coordinator.analyst.result import Result
from coordinator.analyst.verify import Verified
from coordinator.estimators.table import Row
from privacy.loss import Loss
from protocols.dictionary import Code, Dictionary, Field
from protocols.dictionary_text import read_dictionary
from protocols.ids import CentreId, Digest, QueryId, StudyId
from protocols.queries import Query
from protocols.query_text import request_from_tree
from protocols.refusals import Refusal, RefusalCode
from protocols.releases import Receipt
from tests.architecture.checkout import ROOT
from tests.coordinator import reference

CENTRES = {"cleveland": "cleveland", "hungary": "hungarian", "long-beach": "va", "switzerland": "switzerland"}
SEED = 20260131
AT = datetime(2026, 1, 31, 14, 5, tzinfo=UTC)


@lru_cache
def heart() -> Dictionary:
    """The heart registry's dictionary."""
    return read_dictionary((ROOT / "protocols/dictionaries/uci-heart.yaml").read_bytes())


def heart_with(*changed: Field) -> Dictionary:
    """The heart registry's dictionary, with some of its fields written otherwise."""
    (table,) = heart().tables
    by_name = {one.name: one for one in changed}
    fields = tuple(by_name.get(one.name, one) for one in table.fields)
    return replace(heart(), tables=(replace(table, fields=fields),))


@lru_cache
def patients(centre: str) -> tuple[Mapping[str, Code | None], ...]:
    """A centre's rows; what is outside its range or its codes is missing, as an import has it."""
    table = heart().table(heart().patient_table)
    path = ROOT / "deploy/data/uci-heart" / f"processed.{CENTRES[centre]}.data"
    lines = csv.reader(path.read_text(encoding="utf-8").splitlines())
    return tuple(
        {f.name: _value(f, text) for f, text in zip(table.fields, line, strict=True)} for line in lines
    )


def _value(field: Field, text: str) -> Code | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    if field.range is None:
        return value.normalize() if value in field.codes else None
    return value.normalize() if field.range.minimum <= value <= field.range.maximum else None


def question(statistic: Mapping[str, object], **more: object) -> Query:
    """A question to the heart registry."""
    rho = more.pop("rho", "0.05")
    release = {"mode": "dp", "scope": "centre", "rho": rho}
    tree = {"study": "sandbox", "statistic": statistic, "release": release, **more}
    return request_from_tree(tree, heart()).query


def result(
    query: Query,
    *,
    missing: tuple[str, ...] = (),
    refused: tuple[str, ...] = (),
    dictionary: Dictionary | None = None,
) -> Result:
    """What the federation would answer; noise is normal and rounded, with a seed."""
    known = dictionary or heart()
    rng = np.random.default_rng(SEED)
    answered = {
        CentreId(name): _answer(query, known, name, rng)
        for name in CENTRES
        if name not in (*missing, *refused)
    }
    return Result(
        query_id=QueryId(bytes(range(16))),
        study=StudyId("sandbox"),
        query=query,
        dictionary=known,
        answered=answered,
        missing=tuple(CentreId(name) for name in missing),
        refused={CentreId(name): Refusal(code=RefusalCode.REGISTRY_BUDGET, detail="") for name in refused},
        unverifiable={},
    )


def _answer(query: Query, dictionary: Dictionary, name: str, rng: np.random.Generator) -> Verified:
    sigmas = reference.scales(query, dictionary)
    blocks = reference.with_noise(reference.vector(query, dictionary, patients(name)), sigmas, rng)
    release = reference.release(query, dictionary, blocks, centre=name, sigmas=sigmas)
    receipt = Receipt(
        charged=query.release.loss,
        is_repeat=False,
        registry_left=Loss.parse("0.5"),
        study_left=None,
        analyst_left=None,
        event=b"{}",
        index=3,
        tree_size=4,
        tree_root=Digest(bytes(range(32))),
        proof=(),
    )
    release = replace(release, snapshot_at=AT, released_at=AT)
    return Verified(release=release, receipt=receipt, paid=release)


def with_rows(result: Result, rows: tuple[Row, ...]) -> Result:
    """The same result with other rows in its combined table, such as suppressed ones."""
    changed = replace(result)
    changed.__dict__["rows"] = rows  # where `cached_property` keeps what it has worked out
    return changed
