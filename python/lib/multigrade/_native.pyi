# The native module: arrays in, arrays out. Its users are in this package alone.
from collections.abc import Callable
from os import PathLike

import numpy as np
from numpy.typing import NDArray

VERSION: str

class Model:
    n_grades: int
    n_parameters: int
    @staticmethod
    def load(path: PathLike[str]) -> Model: ...
    @staticmethod
    def from_bytes(bytes: bytes) -> Model: ...
    def to_bytes(self) -> bytes: ...
    def save(self, path: PathLike[str], overwrite: bool) -> None: ...
    def truncate(self, grades: int) -> Model: ...
    def predict(self, rows: NDArray[np.float64], precision: str, threads: int | None) -> NDArray[np.float64]: ...
    def staged(self, rows: NDArray[np.float64], precision: str, threads: int | None) -> list[NDArray[np.float64]]: ...
    def probabilities(
        self, rows: NDArray[np.float64], precision: str, threads: int | None, staged: bool
    ) -> list[NDArray[np.float64]]: ...
    def gradient(self, rows: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def to_onnx(self, path: PathLike[str], precision: str, staged: bool, overwrite: bool) -> float: ...
    def about(self) -> str: ...

class Expression:
    variables: list[str]
    def __init__(self, text: str) -> None: ...
    def values(self, rows: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def range(self, domain: str) -> tuple[float, float]: ...

class Certificate:
    function: str
    domain: str
    n_claims: int
    @staticmethod
    def load(path: PathLike[str]) -> Certificate: ...
    @staticmethod
    def from_bytes(bytes: bytes) -> Certificate: ...
    def to_bytes(self) -> bytes: ...
    def save(self, path: PathLike[str], overwrite: bool) -> None: ...
    def check(self, model: Model) -> str: ...

def certify(
    model: Model,
    output: int,
    function: Expression,
    domain: str,
    tolerance: float | None,
    boxes: int,
    time_limit: float | None,
    threads: int | None,
    observer: Callable[[str], object] | None,
) -> tuple[tuple[Certificate, str] | None, float | None, str, int, BaseException | None]: ...
def construct(
    function: Expression,
    domain: str,
    tolerance: float,
    settings: str,
    threads: int | None,
    observer: Callable[[str], object] | None,
) -> tuple[Model, tuple[Certificate, str] | None, bool, str, BaseException | None]: ...
def learn(
    function: Expression,
    domain: str,
    tolerance: float | None,
    settings: str,
    threads: int | None,
    observer: Callable[[str], object] | None,
) -> tuple[Model, tuple[Certificate, str] | None, float, bool, str, BaseException | None]: ...
def fit_convex(
    inputs: NDArray[np.float64],
    targets: NDArray[np.float64],
    weights: NDArray[np.float64] | None,
    names: tuple[list[str], list[str]],
    settings: str,
) -> tuple[Model, str]: ...
def fit(
    inputs: NDArray[np.float64],
    targets: NDArray[np.float64],
    weights: NDArray[np.float64] | None,
    held_out: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    names: tuple[list[str], list[str]],
    labels: str | None,
    settings: str,
    threads: int | None,
    observer: Callable[[str], object] | None,
    start: Model | None,
) -> tuple[
    Model, str, list[float], NDArray[np.uintp], NDArray[np.float64], BaseException | None
]: ...
