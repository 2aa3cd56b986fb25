"""The refusal codes are those of the spec page, each with its own number and word."""

import re

from protocols.refusals import RefusalCode
from tests.architecture.checkout import ROOT

PAGE = (ROOT / "protocols" / "spec" / "refusals.md").read_text(encoding="utf-8")


def test_numbers_and_words_are_used_once() -> None:
    assert len({code.number for code in RefusalCode}) == len(RefusalCode)
    assert len({code.word for code in RefusalCode}) == len(RefusalCode)


def test_the_page_has_exactly_the_codes() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| ([^|]+) \|", PAGE, re.MULTILINE)
    assert [(int(number), word, sentence.strip()) for number, word, sentence in rows] == [
        (code.number, code.word, code.sentence) for code in RefusalCode
    ]


def test_only_failed_and_withheld_follow_a_charge() -> None:
    after = re.findall(r"^\| \d+ \| `(\w+)` \| [^|]+ \| after \|", PAGE, re.MULTILINE)
    assert after == [RefusalCode.FAILED.word, RefusalCode.WITHHELD.word]


def test_the_page_says_what_to_do_as_the_programs_do() -> None:
    steps = re.findall(r"^\| \d+ \| `\w+` \| [^|]+ \| (?:before|after) \| ([^|]+) \|", PAGE, re.MULTILINE)
    assert [step.strip() for step in steps] == [code.next_step for code in RefusalCode]
    assert all(code.next_step for code in RefusalCode)


def test_an_unknown_number_is_nobody() -> None:
    assert RefusalCode.from_number(0) is None
    assert RefusalCode.from_number(17) is RefusalCode.FAILED
