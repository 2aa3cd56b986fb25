"""A program's settings: TOML to a checked model. Unknown keys are refused, paths are relative to the file.

The one place beside the models themselves that knows pydantic.
"""

import tomllib
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from protocols.documents import nearest
from protocols.errors import Problem, TextError, WireError
from protocols.ids import CentreId


class SettingsModel(BaseModel):
    """What every program's settings share: nothing unknown, nothing changed after the start."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _name(text: str) -> str:
    try:
        CentreId(text)  # one rule for the names of centres, analysts and officers
    except WireError as error:
        raise ValueError(str(error)) from None
    return text


Name = Annotated[str, AfterValidator(_name)]
Address = Annotated[str, Field(pattern=r"^[^\s:]+:[0-9]{1,5}$")]
_M = TypeVar("_M", bound=SettingsModel)


def read_settings(model: type[_M], octets: bytes, folder: Path) -> _M:
    """Read settings that stand in `folder`. Raises TextError with every problem."""
    try:
        settings = model.model_validate(tomllib.loads(octets.decode()))
    except (UnicodeDecodeError, RecursionError):
        raise TextError([Problem(line=0, where="", what="not TOML in UTF-8")]) from None
    except tomllib.TOMLDecodeError as error:
        raise TextError([Problem(line=0, where="", what=f"not TOML ({error})")]) from None
    except ValidationError as error:
        keys = list(model.model_fields)
        raise TextError(
            [_problem(one["type"], one["loc"], one["msg"], keys) for one in error.errors()]
        ) from None
    places = {
        name: folder / value for name, value in settings.model_dump().items() if isinstance(value, Path)
    }
    return settings.model_copy(update=places)


def _problem(kind: str, place: tuple[int | str, ...], what: str, keys: list[str]) -> Problem:
    key = ".".join(map(str, place))
    match kind:
        case "missing":
            return Problem(line=0, where="", what=f"lacks {key!r}")
        case "extra_forbidden":
            return Problem(line=0, where="", what=f"has an unknown key {key!r}", next_step=nearest(key, keys))
        case "string_pattern_mismatch":
            return Problem(line=0, where=key, what="must be HOST:PORT")
        case _:
            return Problem(line=0, where=key, what=what.removeprefix("Value error, "))
