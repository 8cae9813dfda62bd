"""Pure mathematics: arrays in, arrays out; no files, no terminal, no options."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def refuse_masked(**arrays: object) -> None:
    """Raise ValueError if an array has masked entries, which most functions of NumPy ignore."""
    for name, array in arrays.items():
        count = int(np.ma.getmaskarray(array).sum()) if isinstance(array, np.ma.MaskedArray) else 0
        if count:
            raise ValueError(f"{name} has {count} masked entries: fill them or leave them out")
