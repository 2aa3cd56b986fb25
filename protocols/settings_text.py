"""A program's settings: TOML to a checked model. Unknown keys are refused, paths are relative to the file.

The one place beside the models themselves that knows pydantic.
"""

import re
import tomllib
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, field_validator

from protocols.documents import nearest, shown, some
from protocols.errors import Problem, TextError, WireError
from protocols.ids import CentreId


class SettingsModel(BaseModel):
    """What every program's settings share: nothing unknown, nothing changed after the start."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*")
    @classmethod
    def _can_be_a_path(cls, value: object) -> object:
        if isinstance(value, Path) and "\0" in str(value):
            raise ValueError("no file's name holds a NUL")
        return value


def _name(text: str) -> str:
    try:
        CentreId(text)  # one rule for the names of centres, analysts and officers
    except WireError as error:
        raise ValueError(str(error)) from None
    return text


Name = Annotated[str, AfterValidator(_name)]
_ADDRESS = re.compile(r"[^\s:]+:([0-9]{1,5})")
_LAST_PORT = 65_535


def _address(text: str) -> str:
    found = _ADDRESS.fullmatch(text)
    if not found or int(found[1]) > _LAST_PORT:
        msg = f"must be HOST:PORT, the port at most {_LAST_PORT}"
        raise ValueError(msg)
    return text


Address = Annotated[str, AfterValidator(_address)]
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
        raise TextError(_problems(error, list(model.model_fields))) from None
    places = {
        name: folder / value for name, value in settings.model_dump().items() if isinstance(value, Path)
    }
    return settings.model_copy(update=places)


def _problems(error: ValidationError, keys: list[str]) -> list[Problem]:
    """Say what is wrong with each key; a mistyped one before the one that is missing for it."""
    missing = [repr(_key(one["loc"])) for one in error.errors() if one["type"] == "missing"]
    rest = [one for one in error.errors() if one["type"] != "missing"]
    problems = [_problem(one["type"], _key(one["loc"]), one["msg"], keys) for one in rest]
    if missing:
        problems.append(Problem(line=0, where="", what=f"lacks {some(missing)}"))
    return problems


def _key(place: tuple[int | str, ...]) -> str:
    return ".".join(map(str, place))


def _problem(kind: str, key: str, what: str, keys: list[str]) -> Problem:
    match kind:
        case "extra_forbidden":
            what = f"has an unknown key {shown(key)}"
            return Problem(line=0, where="", what=what, next_step=nearest(key, keys))
        case "path_type" | "string_type":
            return Problem(line=0, where=key, what="must be text in quotes")
        case "too_short":
            return Problem(line=0, where=key, what="must have at least one entry")
        case "value_error":
            return Problem(line=0, where=key, what=what.removeprefix("Value error, "))
        case _:
            # pydantic's own sentences: "Input should be greater than 0"
            return Problem(line=0, where=key, what=what.replace("Input should be", "must be", 1))
