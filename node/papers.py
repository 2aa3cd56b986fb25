"""The papers that a centre obeys, as an auditor names them: file hash, version, expiry.

The hash is the SHA-256 of the whole file, signatures included, as `sha256sum` prints it.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from node.belief import believed
from node.errors import RulesError
from node.policy_words import policy_words
from node.rules import Rules
from node.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPaper:
    """A study in force."""

    id: str
    title: str
    expires: datetime
    analysts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What is in force. `studies_sha256` is by file name: a study's file may have any."""

    policy_sha256: str
    policy_words: tuple[str, ...]
    roster_sha256: str
    roster_version: int
    roster_expires: datetime
    studies: tuple[StudyPaper, ...]
    studies_sha256: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Give the part of the `skerry.report/1` object."""
        return {
            "policy": {"sha256": self.policy_sha256, "words": list(self.policy_words)},
            "roster": {
                "sha256": self.roster_sha256,
                "version": self.roster_version,
                "expires": self.roster_expires.isoformat(),
            },
            "studies": [
                {
                    "id": one.id,
                    "title": one.title,
                    "expires": one.expires.isoformat(),
                    "analysts": one.analysts,
                }
                for one in self.studies
            ],
            "study_files": self.studies_sha256,
        }


def papers_of(settings: Settings, rules: Rules) -> Papers:
    """Name the papers of verified rules. Raises RulesError when a file has gone since."""
    return Papers(
        policy_sha256=_sha256(settings.policy),
        policy_words=tuple(policy_words(rules.policy)),
        roster_sha256=hashlib.sha256(believed(settings).octets).hexdigest(),
        roster_version=rules.roster.version,
        roster_expires=rules.roster.expires,
        studies=tuple(
            StudyPaper(id=one.id.text, title=one.title, expires=one.expires, analysts=len(one.analysts))
            for one in rules.studies.values()
        ),
        studies_sha256={path.name: _sha256(path) for path in sorted(settings.studies.glob("*.toml"))},
    )


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise RulesError(f"{path} cannot be read ({error.strerror})") from None
