"""A saturation curve replaced by a small ReLU network, with a proof of how far the two can be apart anywhere on the interval.

    python python/examples/certified_replacement.py
"""

from pathlib import Path

import numpy as np
import pandas as pd

from multigrade import Expression, MultigradeRegressor, certify, check

curve = Expression("tanh(3*u) + 0.1*u")
u = pd.DataFrame({"u": np.linspace(-2, 2, 2001)})

network = MultigradeRegressor(grades=["24:relu"], weight_decay=1e-9, validation=0.0, solver="lbfgs", iterations=1000)
network.fit(u, pd.Series(curve(u), name="torque"))

found = certify(network, curve, "u=-2..2")
print(f"measured: the largest difference that was found is {found.measured}")
print(f"proved: at every u in [-2, 2] it is at most {found.bound}")

model = network.save(Path("target") / "torque", overwrite=True)
certificate = found.certificate.save(Path("target") / "torque.certificate.json", overwrite=True)
exported = network.to_onnx(Path("target") / "torque.onnx", certificate=found.certificate, overwrite=True)
print(f"proved for its ONNX file in 32 bit: {exported.bound}; that differs from the network by {exported.difference:.1e}, measured")
print(f"checked again from the files: {check(certificate, model).proved}")
