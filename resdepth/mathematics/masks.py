"""Masked arrays of NumPy, whose mask most functions of NumPy ignore silently."""

import numpy as np


def refuse_masked(**arrays: object) -> None:
    """Refuse arrays with masked entries, whose values are undefined.

    Raises ValueError: an array has masked entries; the message has its name and their number.
    """
    for name, array in arrays.items():
        count = int(np.ma.getmaskarray(array).sum()) if isinstance(array, np.ma.MaskedArray) else 0
        if count:
            raise ValueError(f"{name} has {count} masked entries: fill them or leave them out")
