"""Where everything of a sandbox lies, under one folder."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """The folder of a sandbox and the files in it."""

    root: Path

    @property
    def state(self) -> Path:
        """What is running: names and process numbers."""
        return self.root / "sandbox.json"

    @property
    def shared(self) -> Path:
        """What every party has: roster, root key, authority, dictionary."""
        return self.root / "shared"

    @property
    def consortium(self) -> Path:
        """The private keys of the consortium and of the transport authority."""
        return self.root / "consortium"

    @property
    def coordinator(self) -> Path:
        """The coordinator's folder."""
        return self.root / "coordinator"

    @property
    def analyst(self) -> Path:
        """The analyst's folder of keys; the profile lies beside it."""
        return self.root / "analyst"

    @property
    def logs(self) -> Path:
        """The logs of all processes."""
        return self.root / "logs"

    def is_begun(self) -> bool:
        """Whether `up` has made a sandbox here, be it down now; to look makes nothing."""
        return self.consortium.is_dir() or self.state.exists()

    def is_free(self) -> bool:
        """Whether a sandbox may be made here: in no folder that holds something else."""
        return not self.root.exists() or self.is_begun() or not any(self.root.iterdir())

    def centre(self, name: str) -> Path:
        """Give a centre's folder."""
        return self.root / "centres" / name


def write_secret(path: Path, octets: bytes) -> None:
    """Write a file that only its owner may read, whatever the umask."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)


def write_text(path: Path, text: str) -> None:
    """Write a text file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
