import os
from decimal import Decimal, InvalidOperation
from typing import Any

from fastapi import HTTPException  # part of the inference server itself


class Model:
    """Multiplies in decimal, so that 3.3 times 2 is 6.6 and not a binary neighbour of it."""

    def __init__(self, **kwargs: Any) -> None:
        self._factor = Decimal(2)

    def load(self) -> None:
        text = os.environ.get("FACTOR", "2")
        factor = _decimal(text)
        if factor is None:
            raise ValueError(f'FACTOR: "{text}" is not a number; set it to one, such as 2')
        self._factor = factor

    def predict(self, model_input: Any) -> dict[str, list[float]]:
        values = model_input.get("values") if isinstance(model_input, dict) else None
        if not isinstance(values, list):
            raise HTTPException(400, 'body: give {"values": ["3.3", "62.3", "324"]}, a list of numbers')
        return {"results": [self._multiply(index, value) for index, value in enumerate(values)]}

    def _multiply(self, index: int, value: Any) -> float:
        number = _decimal(value)
        if number is None:
            raise HTTPException(400, f"values[{index}]: {value!r} is not a finite number")
        return float(number * self._factor)


def _decimal(value: Any) -> Decimal | None:
    """The finite decimal that `value` writes, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
