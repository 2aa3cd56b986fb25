"""The state of a node for its custodian: does it run, what does it obey, what does it hold, what expires.

Each part is looked at by itself, so that one broken paper does not hide the others; what cannot be read is
named in `problems`. There are no row counts in it, and no query.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509

from node.errors import NodeError
from node.ledger import log
from node.pause import FLAG, Pause
from node.policy import Policy
from node.presence import LinkState, is_running, told
from node.rules import Rules, load_rules
from node.settings import Settings
from node.snapshot_list import Line, SnapshotList
from protocols.studies import Study

FORMAT = "skerry.node-status/1"
_DAY_S = 86_400
_T = TypeVar("_T")


@dataclass(slots=True)
class _Look:
    """Looks at one part after the other, and notes what cannot be read."""

    problems: list[str] = field(default_factory=list)

    def at(self, part: Callable[[], _T]) -> _T | None:
        try:
            return part()
        except (NodeError, OSError) as error:
            # Of a node's own papers and files; no text of a patient's file comes this way.
            self.problems.append(str(error))
            return None


def node_status(settings: Settings, snapshots: SnapshotList, ledger: Path, now: datetime) -> dict[str, Any]:
    """Give the `skerry.node-status/1` object."""
    look = _Look()
    rules = look.at(lambda: load_rules(settings))
    current = look.at(lambda: snapshots.current() if snapshots.is_begun() else None)
    return {
        "format": FORMAT,
        "centre": settings.centre,
        "coordinator": settings.coordinator,
        **_running(settings),
        "paused": _paused(settings),
        "registry": rules.dictionary.name if rules else None,
        "dictionary": str(rules.dictionary.digest) if rules else None,
        "snapshot": _snapshot(current, rules) if current else None,
        "ledger": look.at(lambda: _ledger(ledger)),
        "studies": [_study(one, rules, now) for one in rules.studies.values()] if rules else [],
        "policy": _policy(rules.policy) if rules else None,
        "roster": _expiry(rules.roster.expires, now) | {"version": rules.roster.version} if rules else None,
        "certificate": look.at(lambda: _expiry(_certificate_end(settings), now)),
        "problems": look.problems,
    }


def _running(settings: Settings) -> dict[str, Any]:
    runs = is_running(settings.data)
    last = told(settings.data) if runs else None
    return {
        "is_running": runs,
        "running_since": last.since.isoformat() if last else None,
        "is_connected": last.link is LinkState.UP if last else None,
        "link_changed_at": last.changed_at.isoformat() if last else None,
    }


def _paused(settings: Settings) -> dict[str, Any] | None:
    paused = Pause(settings.data / FLAG).state()
    if paused is None:
        return None
    return {"since": paused.since.isoformat() if paused.since else None, "reason": paused.reason}


def _snapshot(current: Line, rules: Rules | None) -> dict[str, Any]:
    return {
        "id": str(current.id),
        "committed_at": current.committed_at.isoformat(),
        "dictionary": str(current.dictionary),
        "has_this_dictionary": current.dictionary == rules.dictionary.digest if rules else None,
    }


def _ledger(path: Path) -> dict[str, Any] | None:
    """Give size and root; None before the first import. To look makes none."""
    if not path.exists():
        return None
    with log.Log(path).reading() as db:
        size = log.size_of(db)
        return {"size": size, "root": str(log.root_of(db, size))}


def _study(study: Study, rules: Rules, now: datetime) -> dict[str, Any]:
    return {
        "study": str(study.id),
        "title": study.title,
        "has_this_dictionary": study.dictionary == rules.dictionary.digest,
        **_expiry(study.expires, now),
    }


def _policy(policy: Policy) -> dict[str, Any]:
    return {
        "modes": sorted(mode.value for mode in policy.modes),
        "scopes": sorted(scope.value for scope in policy.scopes),
        "forbidden_fields": sorted(policy.forbidden_fields),
        "registry_rho": None if policy.registry_cap is None else str(policy.registry_cap),
    }


def _certificate_end(settings: Settings) -> datetime:
    path = settings.tls_certificate
    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except ValueError:
        raise NodeError(f"the certificate {path} cannot be read (not PEM)") from None


def _expiry(end: datetime, now: datetime) -> dict[str, Any]:
    """Say when something ends and how many whole days are left; below zero once it has."""
    return {"expires": end.isoformat(), "days_left": int((end - now).total_seconds() // _DAY_S)}
