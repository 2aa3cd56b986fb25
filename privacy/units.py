"""What is protected: the privacy unit, the neighbouring relation and the bound on one unit.

* The unit is the patient: all rows of one person at one centre.
* Neighbours differ by adding or removing one patient.
* A bound is stated as the square of its L2 norm, because that is an integer: the norm itself is
  rarely one, and a rounded norm would be a wrong claim.
"""

from dataclasses import dataclass

UNIT = "patient"
NEIGHBOURS = "add or remove one patient (all rows of one person at one centre)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A run of cells of one integer vector that share one noise scale.

    `l2_squared` bounds the square of the L2 norm of what one patient adds to the block, in units
    of the block's integers; `privacy/proofs` has the lemma for each block that is built.
    """

    name: str
    size: int
    l2_squared: int

    def __post_init__(self) -> None:
        # Python integers only: NaN passes every comparison, and NumPy's integers wrap.
        if type(self.l2_squared) is not int or self.size < 1 or self.l2_squared < 1:
            msg = f"block {self.name!r} needs at least one cell and a whole bound of at least 1"
            raise RuntimeError(msg)
