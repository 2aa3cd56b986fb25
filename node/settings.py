"""A node's settings: one TOML file, validated whole at start, unknown keys refused. spec in node/README.md.

Paths are relative to the file. Secrets are files, readable by their owner only; none stands here.
"""

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from node.errors import RulesError
from protocols.errors import WireError
from protocols.ids import CentreId, OfficerId


def _centre(text: str) -> str:
    try:
        CentreId(text)
    except WireError as error:
        raise ValueError(str(error)) from None
    return text


Name = Annotated[str, AfterValidator(_centre)]


class Settings(BaseModel):
    """Every setting of a node."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    centre: Name = Field(description="the centre's name in the roster")
    officer: Name = Field(description="the privacy officer whose signature studies and the policy need")
    coordinator: str = Field(description="host:port of the coordinator", pattern=r"^[^\s:]+:[0-9]{1,5}$")
    data: Path = Field(description="folder of snapshots, ledger and reports")
    dictionary: Path = Field(description="the registry's data dictionary")
    roster: Path = Field(description="the signed roster")
    root_key: Path = Field(description="the consortium's root key, public, pinned at this centre")
    studies: Path = Field(description="folder of signed studies, *.toml")
    policy: Path = Field(description="the signed policy")
    keys: Path = Field(description="folder of the node's private keys")
    tls_ca: Path = Field(description="certificate of the authority that signs transport certificates")
    tls_certificate: Path = Field(description="the node's transport certificate")
    rows_are_patients: bool = Field(
        default=False,
        description="the custodian confirms: where no field is the patient key, each row is a patient",
    )

    @property
    def centre_id(self) -> CentreId:
        """The centre's name as an id."""
        return CentreId(self.centre)

    @property
    def officer_id(self) -> OfficerId:
        """The officer's name as an id."""
        return OfficerId(self.officer)


def load_settings(path: Path) -> Settings:
    """Read and validate a settings file. Raises RulesError with one sentence for each problem."""
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RulesError(f"the settings {path} cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RulesError(f"the settings {path} are not TOML ({error})") from None
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise RulesError(f"the settings {path} are wrong: {problems}") from None
    base = path.resolve().parent
    places = {name: base / value for name, value in settings.model_dump().items() if isinstance(value, Path)}
    return settings.model_copy(update=places)
