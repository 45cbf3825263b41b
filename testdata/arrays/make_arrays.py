"""Writes the small arrays of this folder with NumPy, whose format they are in.

    pip install numpy
    python testdata/arrays/make_arrays.py
"""

from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
rows = np.array([[1, 2, 3], [4, 5, 100]])

for name in ["f8", "f4", "i1", "i8", "u2"]:
    np.save(HERE / f"{name}.npy", rows.astype(name))
np.save(HERE / "big.npy", rows.astype(">f8"))
np.save(HERE / "fortran.npy", np.asfortranarray(rows.astype("f8")))
with open(HERE / "version2.npy", "wb") as file:
    np.lib.format.write_array(file, rows.astype("f8"), version=(2, 0))
np.save(HERE / "i8_extremes.npy", np.array([-(2**63), -1, 2**63 - 1]))
np.save(HERE / "bool.npy", np.array([True, False]))
np.save(HERE / "with_nan.npy", np.array([[1, 2], [2, np.nan], [3, 4]]))
np.save(HERE / "records.npy", np.array([(0.5, "oak", -1), (1.5, "ash é", 7)], dtype=[("x", "f8"), ("kind", "U5"), ("n", "i2")]))

columns = dict(x=np.array([[1.0, 2.0], [3.0, 4.0]]), y=np.array([9, 8]), kind=np.array(["oak", "elm"]))
np.savez(HERE / "stored.npz", **columns)
np.savez_compressed(HERE / "deflated.npz", **columns)
