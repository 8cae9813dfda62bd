"""Masked arrays of NumPy, whose mask most of NumPy drops in silence."""

import numpy as np


def refuse_masked(**arrays: object) -> None:
    """Refuse arrays with masked entries; the numbers beneath a mask are not meant to be used.

    Raises
    ------
    ValueError
        One of `arrays` has masked entries; the message names it and counts them.
    """
    for name, array in arrays.items():
        count = int(np.ma.getmaskarray(array).sum()) if isinstance(array, np.ma.MaskedArray) else 0
        if count:
            raise ValueError(f"{name} has {count} masked entries: fill them or leave them out")
