"""The coordinator's settings: one TOML file, validated whole at start, unknown keys refused.

Paths are relative to the file.
"""

from pathlib import Path

from pydantic import Field

from coordinator.errors import SettingsError
from protocols.errors import TextError
from protocols.settings_text import Address, SettingsModel, read_settings


class Settings(SettingsModel):
    """Every setting of a coordinator."""

    listen: Address = Field(description="host:port to listen on")
    enrolment: Address | None = Field(
        default=None, description="host:port for who enrols; without it nobody does"
    )
    data: Path = Field(description="folder of the coordinator's state")
    roster: Path = Field(description="the signed roster")
    root: Path = Field(description="the consortium's root, pinned: its keys, and how many must sign")
    tls_ca: Path = Field(description="certificate of the authority that signs transport certificates")
    tls_certificate: Path = Field(description="the coordinator's transport certificate")
    tls_key: Path = Field(description="its private key, PEM")
    heartbeat_s: float = Field(
        default=10.0, ge=0.1, le=60, description="how often a node gives a sign of life"
    )


def load_settings(path: Path) -> Settings:
    """Read and validate a settings file. Raises SettingsError with every problem."""
    try:
        return read_settings(Settings, path.read_bytes(), path.resolve().parent)
    except OSError as error:
        raise SettingsError(f"the settings {path} cannot be read ({error.strerror})") from None
    except TextError as error:
        what = f"the settings {path} are wrong: {error.problems[0]}"
        raise SettingsError(what, problems=error.problems) from None
