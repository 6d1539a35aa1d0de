"""Fields of a request, each checked where it is read, so that a mistake is a 400 that names the field."""

import math
from typing import Any


class Refused(Exception):
    """An answer other than 200, in the shape of the protocol that was asked in."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code


Body = dict[str, Any]


def number_of(body: Body, key: str, default: float, low: float, high: float) -> float:
    value = body.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Refused(f"{key}: {_shown(value)} is not a number", key)
    if not low <= value <= high:
        raise Refused(f"{key}: {value} is not between {low:g} and {high:g}", key)
    return float(value)


def integer_of(body: Body, key: str, default: int | None, low: int, high: int) -> int | None:
    value = body.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused(f"{key}: {_shown(value)} is not a whole number", key)
    if not low <= value <= high:
        raise Refused(f"{key}: {value} is not between {low} and {high}", key)
    return value


def flag_of(body: Body, key: str, default: bool = False) -> bool:
    value = body.get(key)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise Refused(f"{key}: {_shown(value)} is neither true nor false", key)
    return value


def list_of(body: Body, key: str) -> list[Any]:
    value = body.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Refused(f"{key}: {_shown(value)} is not a list", key)
    return value


def mapping_of(body: Body, key: str) -> Body:
    value = body.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refused(f"{key}: {_shown(value)} is not an object", key)
    return value


def texts_of(body: Body, key: str, most: int) -> list[str]:
    """A text or a list of texts; an empty list where the key is missing."""
    value = body.get(key)
    texts = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Refused(f"{key}: {_shown(value)} is neither a text nor a list of texts", key)
    if len(texts) > most:
        raise Refused(f"{key}: {len(texts)} texts are more than {most}", key)
    return texts


def content_of(value: Any, where: str) -> str:
    """The text of a message, written as one text or in parts. Parts of other kinds are refused: the model has no eyes."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise Refused(f"{where}: {_shown(value)} is neither a text nor a list of parts", where)
    return "\n".join(_part(part, f"{where}[{index}]") for index, part in enumerate(value))


def _part(part: Any, where: str) -> str:
    if not isinstance(part, dict):
        raise Refused(f"{where}: {_shown(part)} is not a part of a message", where)
    kind = part.get("type")
    if kind == "tool_result":
        return content_of(part.get("content"), f"{where}.content")
    if kind in ("tool_use", "thinking", "redacted_thinking"):
        return ""
    text = part.get("refusal" if kind == "refusal" else "text")
    if kind not in ("text", "input_text", "output_text", "refusal") or not isinstance(text, str):
        raise Refused(f"{where}: give a part of type text with a text; the model reads nothing else", where)
    return text


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
