"""A surrogate of a jet engine: thrust and fuel consumption of a Boeing 777's engine from Mach number, altitude, throttle.

    python python/examples/engine_deck.py
"""

from pathlib import Path

import numpy as np
import pandas as pd

from multigrade import MultigradeRegressor, load

table = pd.read_csv(Path(__file__).parents[2] / "testdata" / "b777_engine.csv")
inputs, outputs = table[["mach", "altitude", "throttle"]], table[["thrust", "sfc"]]
test = np.arange(len(table)) % 5 == 0

# Without any parameter the choice of activation, weight decay and number of grades takes some 20 seconds. Here it is made.
regressor = MultigradeRegressor(grades=["32,32:tanh", "32,32:tanh"], weight_decay=1e-7, iterations=300, solver="lbfgs")
regressor.fit(inputs[~test], outputs[~test])

print("root mean square error on rows that the model did not see")
print("  mean      ", *(f"{error:10.3g}" for error in outputs[test].std()))
for grade, values in enumerate(regressor.staged_predict(inputs[test]), 1):
    errors = np.sqrt(((outputs[test] - values) ** 2).mean())
    print(f"  grade {grade}   ", *(f"{error:10.3g}" for error in errors))

slopes = regressor.gradient(pd.DataFrame([[0.5, 5.0, 0.8]], columns=inputs.columns))
print(f"at Mach 0.5, 5 km and 80 % throttle, one percent more throttle gives {slopes[0, 0, 2] / 100:.0f} N more thrust")

path = regressor.save(Path("target") / "engine_deck", overwrite=True)
assert load(path) == regressor.model_
exported = regressor.to_onnx(path.with_suffix(".onnx"), overwrite=True)
print(f"ONNX in 32 bit differs by {exported.difference:.1e}, measured")
