"""The coordinator's settings: one TOML file, validated whole at start, unknown keys refused.

Paths are relative to the file.
"""

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coordinator.errors import SettingsError


class Settings(BaseModel):
    """Every setting of a coordinator."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: str = Field(description="host:port to listen on", pattern=r"^[^\s:]+:[0-9]{1,5}$")
    data: Path = Field(description="folder of the coordinator's state")
    roster: Path = Field(description="the signed roster")
    root_key: Path = Field(description="the consortium's root key, public")
    tls_ca: Path = Field(description="certificate of the authority that signs transport certificates")
    tls_certificate: Path = Field(description="the coordinator's transport certificate")
    tls_key: Path = Field(description="its private key, PEM")
    heartbeat_s: float = Field(
        default=10.0, ge=0.1, le=60, description="how often a node gives a sign of life"
    )


def load_settings(path: Path) -> Settings:
    """Read and validate a settings file. Raises SettingsError."""
    try:
        settings = Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SettingsError(f"the settings {path} cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings {path} are not TOML ({error})") from None
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"the settings {path} are wrong: {problems}") from None
    base = path.resolve().parent
    places = {name: base / value for name, value in settings.model_dump().items() if isinstance(value, Path)}
    return settings.model_copy(update=places)
