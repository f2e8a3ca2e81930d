"""How much two pictures are the same to the eye."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ssim"]

_WINDOW = 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def ssim(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Mean structural similarity of two grey pictures of one size, levels 0 to 255.

    That of Wang et al., Image quality assessment (IEEE TIP 2004), with a Gaussian window of 1.5 px.
    """
    from scipy.ndimage import gaussian_filter

    def smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
        smoothed: NDArray[np.float64] = gaussian_filter(values, _WINDOW, truncate=3.5)
        return smoothed

    x, y = a.astype(np.float64), b.astype(np.float64)
    mean_x, mean_y = smooth(x), smooth(y)
    var_x, var_y = smooth(x * x) - mean_x**2, smooth(y * y) - mean_y**2
    both = smooth(x * y) - mean_x * mean_y
    shape = ((2 * mean_x * mean_y + _C1) * (2 * both + _C2)) / (
        (mean_x**2 + mean_y**2 + _C1) * (var_x + var_y + _C2)
    )
    return float(shape.mean())
