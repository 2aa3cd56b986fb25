"""Settings files: what is wrong is said by key, paths are taken from the file's folder."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from protocols.errors import TextError
from protocols.settings_text import Address, Name, SettingsModel, read_settings


class _Settings(SettingsModel):
    centre: Name
    coordinator: Address
    data: Path
    deadline_s: float = Field(default=60.0, gt=0)


_FOLDER = Path("home")
_VALID = 'centre = "berlin"\ncoordinator = "host:443"\ndata = "data"\n'


def test_a_path_is_taken_from_the_folder_of_the_file() -> None:
    settings = read_settings(_Settings, _VALID.encode(), _FOLDER)

    assert settings.data == _FOLDER / "data"
    assert settings.deadline_s == 60


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (_VALID.replace('data = "data"\n', ""), "lacks 'data'"),
        (_VALID + 'dat = "x"\n', "has an unknown key 'dat'; did you mean 'data'?"),
        (_VALID.replace("host:443", "host"), "coordinator: must be HOST:PORT"),
        (_VALID.replace("berlin", "ber lin"), "centre: 'ber lin' is not a name"),
        (_VALID + "deadline_s = 0\n", "deadline_s: must be greater than 0"),
        (_VALID.replace('"data"', "5"), "data: must be text in quotes"),
        (_VALID.replace('"data"', r'"da\u0000ta"'), "data: no file's name holds a NUL"),
        ("centre = ", "not TOML"),
        ("\udcff", "not TOML in UTF-8"),
    ],
)
def test_what_is_wrong_is_said_by_key(text: str, sentence: str) -> None:
    with pytest.raises(TextError) as caught:
        read_settings(_Settings, text.encode("utf-8", "surrogateescape"), _FOLDER)

    assert sentence in str(caught.value)


def test_every_problem_is_said_at_once() -> None:
    with pytest.raises(TextError) as caught:
        read_settings(_Settings, b'center = "berlin"\n', _FOLDER)

    assert [problem.what for problem in caught.value.problems] == [
        "has an unknown key 'center'",
        "lacks 'centre', 'coordinator', 'data'",
    ]


@given(
    st.one_of(
        st.binary(max_size=200), st.text(max_size=100).map(lambda t: (_VALID + t).encode("utf-8", "replace"))
    )
)
def test_any_bytes_are_settings_or_a_text_error(octets: bytes) -> None:
    try:
        read_settings(_Settings, octets, _FOLDER)
    except TextError as error:
        assert error.problems  # noqa: PT017 -- either outcome is right
