"""A pipeline of scikit-learn, with a grid search over what grades look like and how they are regularised.

    python python/examples/pipeline.py
"""

from sklearn.datasets import load_diabetes
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer

from multigrade import MultigradeRegressor

X, y = load_diabetes(return_X_y=True, as_frame=True)

regressor = MultigradeRegressor(solver="lbfgs", iterations=30, branches=1, activation="tanh", refit=False)
pipeline = make_pipeline(PowerTransformer(), regressor).set_output(transform="pandas")
grid = {
    "multigraderegressor__grades": [["4"], ["8", "8"]],
    "multigraderegressor__weight_decay": [0.01, 0.1],
}
search = GridSearchCV(pipeline, grid, cv=5, scoring="r2").fit(X, y)

print("R2 in five folds")
for name, model in [("mean", DummyRegressor()), ("ridge", RidgeCV())]:
    print(f"  {name:10} {cross_val_score(model, X, y, cv=5).mean():6.3f}")
print(f"  multigrade {search.best_score_:6.3f} with {search.best_params_}")
