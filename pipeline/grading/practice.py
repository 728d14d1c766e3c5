"""What inspectors count: they do not grade every shortfall that they note.

Learnt from reports with stated grades, a share for each level of criteria and status: a partly met criterion counts as
such with a probability, else as met; an unmet one counts as unmet with a probability, else as a partly met one. A worse
status is thus never counted as a better one, so more or surer shortfall still never raises the grade. The statuses that
a draft tells are not touched: only what they do to the grade.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.catalogue import Criterion

Array = NDArray[np.float64]
Counted = Mapping[str, tuple[float, float]]  # level: shares of the partly met and of the unmet that count


def count(status: Array, partly: Array, unmet: Array) -> Array:
    """`status` [..., 3] over met, partly, unmet as it counts; the shares broadcast against [...]."""
    worst = unmet * status[..., 2]
    short = worst + partly * (status[..., 1] + status[..., 2] - worst)
    return np.stack([1 - short, short - worst, worst], axis=-1)


def counted(status: Array, criteria: Sequence[Criterion], by: Counted) -> Array:
    """`status` [..., criteria, 3] as inspectors count it; a level that `by` lacks counts in full."""
    if not by:
        return status
    shares = np.array([by.get(c.level, (1.0, 1.0)) for c in criteria]).reshape(-1, 2)
    return count(status, shares[:, 0], shares[:, 1])
