"""A budget belongs to the patients of a centre: renaming their registry does not renew it."""

from pathlib import Path

import pytest

from node.commands.opening import check_registry
from node.errors import RulesError
from privacy.loss import Loss
from protocols.dictionary_text import read_dictionary

_DICTIONARY = read_dictionary(
    b"name: heart\nresources: [{name: p, schema: {fields: [{name: a, type: boolean}]}}]"
)
_SPENT = {("registry", "heart"): Loss(1), ("study", "lung"): Loss(1)}


def test_the_registry_of_the_ledger_is_served() -> None:
    check_registry(_SPENT, _DICTIONARY, Path("data"))
    check_registry({}, _DICTIONARY, Path("data"))


def test_a_renamed_registry_is_refused() -> None:
    with pytest.raises(RulesError, match="'lung', and the dictionary names 'heart'"):
        check_registry({**_SPENT, ("registry", "lung"): Loss(1)}, _DICTIONARY, Path("data"))
