import math
from typing import Any

from fastapi import HTTPException
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler


class Model:
    """Logistic regression on the iris data set. Training takes milliseconds and has no randomness."""

    def __init__(self, **kwargs: Any) -> None:
        self._classifier: Pipeline | None = None
        self._classes: list[str] = []

    def load(self) -> None:
        iris = load_iris()
        self._classes = [str(name) for name in iris.target_names]
        self._classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
        self._classifier.fit(iris.data, iris.target)

    def predict(self, model_input: Any) -> dict[str, list[Any]]:
        """Class index, class name and probabilities (in the order of the class indexes) of each row of `inputs`."""
        rows = _rows_of(model_input)
        probabilities = self._classifier.predict_proba(rows)
        predictions = [int(row.argmax()) for row in probabilities]
        return {
            "predictions": predictions,
            "classes": [self._classes[index] for index in predictions],
            "probabilities": [[round(float(value), 6) for value in row] for row in probabilities],
        }


def _rows_of(model_input: Any) -> list[list[float]]:
    inputs = model_input.get("inputs") if isinstance(model_input, dict) else None
    if not isinstance(inputs, list) or not inputs:
        raise HTTPException(400, 'body: give {"inputs": [[5.1, 3.5, 1.4, 0.2]]}, a list with at least one flower')
    for index, row in enumerate(inputs):
        if not isinstance(row, list) or len(row) != 4 or not all(_is_length(value) for value in row):
            raise HTTPException(
                400,
                f"inputs[{index}]: give four finite numbers, in cm: sepal length, sepal width, petal length, petal width",
            )
    return inputs


def _is_length(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
