"""What can go wrong in this room: one family, fields as attributes."""


class PrivacyError(ValueError):
    """A privacy parameter that cannot be used. Numerical trouble never becomes a smaller loss."""


class LossError(PrivacyError):
    """A loss that is not a finite number of nano-rho, zero or more."""


class CalibrationError(PrivacyError):
    """No noise scale gives this loss for this bound in 64-bit integers."""
