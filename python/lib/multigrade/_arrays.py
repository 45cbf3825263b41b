"""What users hand over, as arrays the native module reads: float64, one row after the other."""

import numpy as np


def as_rows(x, what="X"):
    """`x` as a float64 array `(n, d)`; copied only if it is of another type or lies differently in memory.

    >>> as_rows([[1, 2], [3, 4]]).dtype
    dtype('float64')
    >>> x = np.zeros((3, 2))
    >>> as_rows(x) is x
    True
    """
    expected = "expected rows of numbers, all of the same length"
    try:
        array = np.asarray(x)
    except ValueError:
        raise TypeError(f"{what}: {expected}") from None
    if array.dtype.kind not in "biufO":
        raise TypeError(f"{what}: found numbers of type {array.dtype}, expected integers or floats")
    try:
        rows = np.ascontiguousarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what}: {error}; {expected}") from None
    if array.ndim != 2:
        raise ValueError(f"{what}: found shape {array.shape}, expected (rows, columns)")
    return rows


def column_names(x):
    """Names of the columns of a data frame or of a named series, else None.

    >>> column_names(np.zeros((3, 2))) is None
    True
    """
    if hasattr(x, "columns"):
        names = list(x.columns)
    elif isinstance(getattr(x, "name", None), str):
        names = [x.name]
    else:
        return None
    return names if all(isinstance(name, str) and name for name in names) and len(set(names)) == len(names) else None
