"""A node's settings: one TOML file, validated whole at start, unknown keys refused. spec in node/README.md.

Paths are relative to the file. Secrets are files, readable by their owner only; none stands here.
"""

from pathlib import Path

from pydantic import Field

from node.errors import RulesError
from protocols.errors import TextError
from protocols.ids import CentreId, OfficerId
from protocols.settings_text import Address, Name, SettingsModel, read_settings


class Settings(SettingsModel):
    """Every setting of a node."""

    centre: Name = Field(description="the centre's name in the roster")
    officer: Name = Field(description="the privacy officer whose signature studies and the policy need")
    coordinator: Address = Field(description="host:port of the coordinator")
    data: Path = Field(description="folder of snapshots, ledger and reports")
    dictionary: Path = Field(description="the registry's data dictionary")
    roster: Path = Field(description="the signed roster")
    root: Path = Field(description="the consortium's root, pinned: its keys, and how many must sign")
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
    """Read and validate a settings file. Raises RulesError with every problem."""
    try:
        return read_settings(Settings, path.read_bytes(), path.resolve().parent)
    except OSError as error:
        raise RulesError(f"the settings {path} cannot be read ({error.strerror})") from None
    except TextError as error:
        what = f"the settings {path} are wrong: {error.problems[0]}"
        raise RulesError(what, problems=error.problems) from None
