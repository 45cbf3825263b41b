# What type checkers see in place of the lazy imports of __init__.py.
from ._classifier import MultigradeClassifier as MultigradeClassifier
from ._convex import ConvexReluRegressor as ConvexReluRegressor
from ._model import Exported as Exported
from ._model import Model as Model
from ._model import load as load
from ._plots import plot_certificate as plot_certificate
from ._plots import plot_fit as plot_fit
from ._plots import plot_residuals as plot_residuals
from ._progress import Event as Event
from ._regressor import MultigradeRegressor as MultigradeRegressor
from ._truth import Certificate as Certificate
from ._truth import Certified as Certified
from ._truth import Constructed as Constructed
from ._truth import Expression as Expression
from ._truth import Interrupted as Interrupted
from ._truth import Verdict as Verdict
from ._truth import certify as certify
from ._truth import check as check
from ._truth import construct as construct

__version__: str
