"""Pages: one look, one way to write numbers, and one rule for text that we did not write.

Every page of every program is made here, so that these hold for all of them (spec/pages.md):

* One file that needs nothing else: no script, no address, its own content policy.
* Text is escaped wherever it stands. Titles, labels and names come from dictionaries and from
  others; a template never marks one of them as safe.
* A value that is missing from the context is a fault, never an empty place on the page.
* No clock: the moment and the version of the software come in as `made_at` and `version`.

What a page says is its room's. Templates lie in the `templates` folder of a package and extend
`page.html` here; `macros.html` has bars, badges and figures.
"""

import math
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from jinja2 import BaseLoader, ChoiceLoader, Environment, PackageLoader, StrictUndefined

from privacy.accountant import shown_epsilon
from privacy.loss import Loss

NOTHING = "–"
"""What stands where there is no value."""

_ROUNDING = 1e-9


@lru_cache(maxsize=16)
def environment(package: str) -> Environment:
    """Give the templates of a package, then those of this room, with the filters of every page.

    `package` is a dotted name such as `node` or `coordinator.analyst`; it needs a `templates` folder.
    """
    # Listed once: this room's own pages would otherwise be looked for twice.
    names = dict.fromkeys((package, "protocols"))
    loaders: list[BaseLoader] = [PackageLoader(name) for name in names]
    made = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": number,
        "percent": percent,
        "rho": rho,
        "epsilon": epsilon,
        "day": day,
        "moment": moment,
        "width": width,
    }
    return made


def render(package: str, template: str, **context: object) -> str:
    """Make a page of one of the package's templates.

    `made_at` (a moment with its zone) and `version` (of the software) are wanted by every page.
    Raises jinja2.UndefinedError when the template names a value that the context has not.
    """
    return environment(package).get_template(template).render(**context)


def number(value: float | Decimal | None, digits: int = 4) -> str:
    """Write a number with `digits` significant digits; whole digits are never rounded away."""
    if value is None:
        return NOTHING
    real = float(value)
    if isinstance(value, bool) or not math.isfinite(real):
        raise RuntimeError("a page shows finite numbers only")
    if isinstance(value, int) or real == 0:
        return f"{value:,.0f}"
    places = digits - 1 - math.floor(math.log10(abs(real)))
    if places > digits + 3:  # below about a ten-thousandth
        return f"{value:.{digits - 1}e}"
    text = f"{value:,.{max(places, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float) -> str:
    """Write a share as per cent: one digit behind the point, and never 0 or 100 unless it is."""
    shown = f"{100 * _share(share):.1f}"
    if shown == "0.0" and share > 0:
        return "< 0.1 %"
    if shown == "100.0" and share < 1:
        return "> 99.9 %"
    return shown.removesuffix(".0") + " %"


def rho(loss: Loss | None) -> str:
    """Write a loss in rho, zCDP, exactly; `no limit` for a budget that is not set."""
    return "no limit" if loss is None else str(loss)


def epsilon(value: float | None) -> str:
    """Write an epsilon, three digits and never below the truth."""
    return shown_epsilon(value)


def day(value: date | datetime | None) -> str:
    """Write a date as 2026-01-31."""
    return NOTHING if value is None else f"{value:%Y-%m-%d}"


def moment(value: datetime | None) -> str:
    """Write a date and a time to the minute, with its zone. A time without a zone is a fault."""
    if value is None:
        return NOTHING
    if value.tzinfo is None:
        raise RuntimeError("a page shows a time with its zone only")
    return f"{value:%Y-%m-%d %H:%M %Z}"


def width(share: float) -> str:
    """Give a share as the length of a bar, 0 to 100."""
    return f"{100 * _share(share):.2f}"


def _share(share: float) -> float:
    if not -_ROUNDING <= share <= 1 + _ROUNDING:
        raise RuntimeError("a share lies between 0 and 1")
    return min(max(share, 0.0), 1.0)
