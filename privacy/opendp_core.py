"""The one file that knows OpenDP: its vector measurement, its privacy map, its conversion.

OpenDP is imported by submodule with backtraces off: they cost seconds per failed probe and put
library text into errors. Only `make_gaussian` on 64-bit integer vectors is used; the Polars
planner has open privacy bugs and is never imported (deploy/decisions/0003).
"""

import math
import os
from fractions import Fraction

os.environ["RUST_BACKTRACE"] = "0"
os.environ["RUST_LIB_BACKTRACE"] = "0"

import numpy as np
from opendp.combinators import make_zCDP_to_approxDP
from opendp.domains import atom_domain, vector_domain
from opendp.measurements import make_gaussian
from opendp.metrics import l2_distance
from opendp.mod import Measurement, OpenDPException, enable_features

from privacy.errors import PrivacyError

# `contrib` marks what has not passed OpenDP's own proof review; our proof pages cite the paper.
enable_features("contrib")

Vector = np.ndarray[tuple[int], np.dtype[np.int64]]


def gaussian_measurement(sigma: float) -> Measurement:
    """Build the discrete Gaussian measurement on int64 vectors under the L2 distance."""
    if not (math.isfinite(sigma) and sigma > 0):
        msg = "the noise scale is a finite number above zero"
        raise PrivacyError(msg)
    return make_gaussian(vector_domain(atom_domain(T="i64")), l2_distance(T="f64"), scale=sigma)


def rho_of(measurement: Measurement, l2: float) -> float:
    """Ask OpenDP's privacy map for the zCDP loss at an L2 distance; inf where it has no answer."""
    try:
        return float(measurement.map(l2))
    except OpenDPException:
        return math.inf


def draw(measurement: Measurement, exact: Vector) -> Vector:
    """Add noise to an exact vector; the result saturates at the limits of int64.

    Raises PrivacyError, without the library's text, when no noise could be drawn.
    """
    try:
        return np.asarray(measurement(exact), dtype=np.int64)
    except OpenDPException:
        msg = "the noise could not be drawn"
        raise PrivacyError(msg) from None


def epsilon_of_rho(rho: float, delta: float) -> float | None:
    """Convert zCDP to the epsilon at delta; None where OpenDP's conversion overflows.

    OpenDP converts a measurement's loss, so one is made whose loss is `rho` or just above it.
    """
    sigma = math.sqrt(0.5 / rho)
    while 2 * Fraction(sigma) ** 2 * Fraction(rho) > 1:
        sigma = math.nextafter(sigma, 0)
    try:
        measurement = make_zCDP_to_approxDP(gaussian_measurement(sigma))
        epsilon = float(measurement.map(1.0).epsilon(delta))
    except OpenDPException:
        return None
    return epsilon if math.isfinite(epsilon) else None
