from typing import Any

GREETING = "Hello"


class Model:
    """Greets everybody in `names`. Edit the greeting while it runs."""

    def __init__(self, **kwargs: Any) -> None:
        self._greeted = 0

    def load(self) -> None:
        self._greeted = 0

    def predict(self, model_input: Any) -> dict[str, Any]:
        """One greeting for each name, and how many the process has given since it was loaded."""
        names = model_input.get("names") if isinstance(model_input, dict) else None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError('body: give {"names": ["Ada"]}, a list of texts')
        self._greeted += len(names)
        return {"greetings": [f"{GREETING}, {name}!" for name in names], "greeted": self._greeted}
