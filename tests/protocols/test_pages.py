"""Pages: whatever text comes in, the page stays one inert file; numbers are written truly."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from jinja2 import UndefinedError

from privacy.loss import Loss
from protocols import pages
from tests.architecture.checkout import room_files
from tests.protocols.page_reader import PAYLOADS, read_page

CONTEXT = {"made_at": datetime(2026, 1, 31, 14, 5, tzinfo=UTC), "version": "1.2.3"}
EVERYTHING = """{% extends "page.html" %}{% import "macros.html" as macros %}
{% block title %}{{ text }}{% endblock %}{% block kind %}{{ text }}{% endblock %}
{% block main %}<p title="{{ text }}">{{ text }}</p>{{ macros.bar(0.25, text) }}
{{ macros.budget(0.9, text, is_low=true) }}{{ macros.badge("good", text) }}
{{ macros.figures([(text, text)]) }}{{ macros.facts([(text, text)]) }}
{{ macros.picture("data:image/svg+xml;base64,", text, text) }}{% endblock %}"""


def _page(text: str) -> str:
    return pages.environment("protocols").from_string(EVERYTHING).render(text=text, **CONTEXT)


@pytest.mark.parametrize("text", PAYLOADS)
def test_foreign_text_changes_no_element_of_a_page(text: str) -> None:
    page = read_page(_page(text))
    assert page.elements == read_page(_page("plain")).elements
    assert text in page.text


def test_the_reader_of_this_test_sees_an_element_that_is_not_escaped() -> None:
    unsafe = _page("plain").replace("plain", PAYLOADS[0])
    assert read_page(unsafe).elements != read_page(_page("plain")).elements


def test_a_page_is_one_file_with_its_policy() -> None:
    page = _page("plain")
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in page
    assert page.startswith("<!doctype html>\n<html lang=")
    assert not {tag for tag, _ in read_page(page).elements} & {
        "script",
        "link",
        "iframe",
        "object",
        "embed",
        "base",
        "form",
    }
    assert not any(word in page for word in ("http:", "https:", "url(", "@import", "javascript:"))


def test_a_page_says_when_and_by_what_it_was_made() -> None:
    assert "Made on 2026-01-31 14:05 UTC by Skerry 1.2.3." in read_page(_page("plain")).text


@pytest.mark.parametrize("lost", ["text", "made_at", "version"])
def test_a_value_that_is_not_given_is_a_fault(lost: str) -> None:
    context = {"text": "x", **CONTEXT}
    del context[lost]
    with pytest.raises(UndefinedError):
        pages.environment("protocols").from_string(EVERYTHING).render(**context)


def test_no_template_marks_text_as_safe_or_runs_a_script() -> None:
    templates = [path for path in room_files() if path.parent.name == "templates"]
    assert {path.name for path in templates} >= {"page.html", "page.css", "macros.html"}
    for path in templates:
        text = path.read_text(encoding="utf-8")
        for word in ("|safe", "| safe", "autoescape", "<script", "javascript:", "://"):
            assert word not in text, (path.name, word)


def test_render_finds_the_templates_of_a_package() -> None:
    assert "{{" not in pages.render("protocols", "macros.html", **CONTEXT)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (0, "0"),
        (1234567, "1,234,567"),
        (0.0, "0"),
        (54.4321, "54.43"),
        (12345.6, "12,346"),
        (-0.98765, "-0.9877"),
        (100.0, "100"),
        (0.5, "0.5"),
        (0.0000123456, "1.235e-05"),
        (Decimal("132.75"), "132.8"),
    ],
)
def test_numbers(value: float | Decimal | None, shown: str) -> None:
    assert pages.number(value) == shown


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True])
def test_what_is_no_number_is_not_shown_as_one(value: float) -> None:
    with pytest.raises(RuntimeError, match="finite"):
        pages.number(value)


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0.0, "0 %"),
        (0.0001, "< 0.1 %"),
        (0.254, "25.4 %"),
        (0.5, "50 %"),
        (0.9999, "> 99.9 %"),
        (1.0, "100 %"),
    ],
)
def test_shares(share: float, shown: str) -> None:
    assert pages.percent(share) == shown


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_bar_is_never_longer_than_its_rail(share: float) -> None:
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        pages.width(share)


def test_losses_and_dates() -> None:
    assert pages.rho(None) == "no limit"
    assert pages.rho(Loss.parse("0.050000001")) == "0.050000001"
    assert pages.epsilon(None) == "unbounded"
    assert pages.epsilon(1.2341) == "1.24"
    assert pages.day(date(2026, 1, 31)) == "2026-01-31"
    assert pages.day(None) == pages.moment(None) == "–"
    with pytest.raises(RuntimeError, match="zone"):
        pages.moment(datetime(2026, 1, 31))  # noqa: DTZ001 -- that is the fault
