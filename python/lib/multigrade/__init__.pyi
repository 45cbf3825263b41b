# What type checkers see in place of the lazy imports of __init__.py.
from ._model import Model as Model
from ._model import load as load
from ._plots import plot_fit as plot_fit
from ._plots import plot_residuals as plot_residuals
from ._progress import Event as Event
from ._regressor import MultigradeRegressor as MultigradeRegressor

__version__: str
