"""A stored release with all that its label says, and its numbers where they are wanted."""

from typing import Any

import numpy as np

from node.ledger.history import Stored
from privacy.accountant import epsilon_of
from privacy.disclosure import SUPPRESSED
from protocols.releases import Release


def release_label(stored: Stored, *, with_values: bool) -> dict[str, Any]:
    """Give the `skerry.release/1` object. Values are integers in the order of spec/queries.md 5 and 6.

    A cell that is not shown is null.
    """
    release, terms = stored.release, stored.query.release
    delta = float(terms.delta)
    return {
        "format": "skerry.release/1",
        **stored.entry.to_json(),
        "scope": terms.scope.value,
        "epsilon": epsilon_of(release.loss, delta) if delta else None,
        "delta": delta or None,
        "released_at": release.released_at.isoformat(),
        "snapshot": str(release.snapshot),
        "snapshot_at": release.snapshot_at.isoformat(),
        "dictionary": str(release.dictionary),
        "template_version": release.template_version,
        "rows_per_patient": release.cap,
        **_parts(release, with_values=with_values),
    }


def _parts(release: Release, *, with_values: bool) -> dict[str, Any]:
    blocks = [
        {
            "name": one.name,
            "l2_squared": str(one.event.l2_squared),
            "sigma": one.event.sigma,
            "numbers": int(one.values.size),
            **({"values": one.values.tolist()} if with_values else {}),
        }
        for one in release.blocks
    ]
    table = release.table
    if table is None:
        return {"blocks": blocks, "rule": None}
    hidden = int(np.count_nonzero(table.cells == SUPPRESSED))
    cells = [None if cell == SUPPRESSED else int(cell) for cell in table.cells]
    rule = {"name": table.rule.name, "minimum": table.rule.minimum, "rounding": table.rule.rounding}
    return {
        "blocks": blocks,
        "rule": rule,
        "cells": len(cells),
        "cells_not_shown": hidden,
        **({"values": cells} if with_values else {}),
    }
