"""Counts, histograms and sums: noisy integers with intervals that cover the noise.

A count describes the registry's own rows, so there is no sampling part. Estimates are not clipped
at zero: they stay unbiased, and sums of cells stay right. protocols/spec/estimators.md 3.
"""

from fractions import Fraction

from coordinator.estimators.figures import Figures, normal_quantile
from coordinator.estimators.totals import BlockTotal
from privacy.noise_width import covering_half_width


def counts(block: BlockTotal, confidence: float) -> tuple[Figures, ...]:
    """Give the figures of every cell of a count or a histogram; all but the two scales are ints."""
    width = _half_width(block, confidence)
    sigma = block.sigma
    return tuple(
        Figures(
            estimate=value,
            std_error=sigma,
            ci_low=value - width,
            ci_high=value + width,
            noise_sd=sigma,
        )
        for value in block.values
    )


def sums(block: BlockTotal, step: Fraction, confidence: float) -> tuple[Figures, ...]:
    """Give the figures of every cell of a sum, whose integers are steps of the variable's grid."""
    width = _half_width(block, confidence)
    sigma = block.sigma * float(step)
    return tuple(
        Figures(
            estimate=_in_units(value, step),
            std_error=sigma,
            ci_low=_in_units(value - width, step),
            ci_high=_in_units(value + width, step),
            noise_sd=sigma,
        )
        for value in block.values
    )


def _half_width(block: BlockTotal, confidence: float) -> int:
    normal_quantile(confidence)  # refuses a confidence that is none
    return covering_half_width(block.sigmas, confidence)


def _in_units(steps: int, step: Fraction) -> float:
    # A quotient of two Python integers is rounded once, correctly.
    return steps * step.numerator / step.denominator
