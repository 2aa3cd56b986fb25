"""Reads a page as a browser would, as far as tests need it: its elements, and its text."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TypeAlias

Element: TypeAlias = tuple[str, tuple[str, ...]]
"""An element and the names of its attributes."""

PAYLOADS = (
    "<script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "'><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<svg onload=alert(1)>",
    "' onmouseover='alert(1)",
    '" onfocus="alert(1)" autofocus="',
    "</title></style><script>alert(1)</script>",
    "</pre></td></table><h1>gone</h1>",
    "<iframe src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<!-- ",
    "]]><script>alert(1)</script>",
    "{{ 7 * 7 }}{% include 'page.css' %}",
    "&lt;script&gt; &amp; &#60;b&#62;",
    "<style>*{display:none}</style>",
    "</caption><object data=x></object>",
)
"""Texts that become something else than text where they are not escaped."""


@dataclass(slots=True)
class Page:
    """The elements of a page in their order, and its text."""

    elements: list[Element] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.elements.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.page.pieces.append(data)


def read_page(text: str) -> Page:
    """Read a page."""
    reader = _Reader()
    reader.feed(text)
    return reader.page
