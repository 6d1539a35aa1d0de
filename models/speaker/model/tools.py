"""When the model calls a tool, and with which arguments: by rules that anybody can foresee."""

import re
from collections.abc import Iterator
from typing import Any

from model.ask import Ask, Tool
from model.fields import Body
from model.tokens import words_of

_deepest = 8


def called_tools(ask: Ask) -> list[Tool]:
    """
    The tool that `tool_choice` names; with `required` the first. Otherwise those whose name ends in a word of the last message, where that
    is the user's: "weather" calls `get_weather`.
    """
    last = ask.turns[-1] if ask.turns else None
    if not ask.tools or ask.tool_choice == "none" or last is None:
        return []
    named = [tool for tool in ask.tools if tool.name == ask.tool_choice]
    if named:
        return named[:1]
    words = words_of(last.text)
    asked = [tool for tool in ask.tools if last.role == "user" and _subject(tool.name) in words]
    if ask.tool_choice == "required":
        asked = asked or ask.tools[:1]
    return asked if ask.parallel else asked[:1]


def arguments(schema: Body, text: str, depth: int = 0) -> Any:
    """
    A value that a JSON schema allows, out of a message: a member of an `enum` that the message has, or the first; the next number of
    it; the next name of it (a word with a capital that does not begin the message), or else its last word.
    """
    return _value(schema, _Message(text), depth)


class _Message:
    def __init__(self, text: str) -> None:
        self.text = text
        words = re.findall(r"\w+", text)
        self.names: Iterator[str] = iter([word for word in words[1:] if word[0].isupper()])
        self.numbers: Iterator[str] = iter(re.findall(r"-?\d+(?:\.\d+)?", text))
        self.last = words[-1] if words else ""


def _value(schema: Any, message: _Message, depth: int) -> Any:
    schema = schema if isinstance(schema, dict) else {}
    members = schema.get("enum")
    if isinstance(members, list) and members:
        return next((each for each in members if str(each).lower() in message.text.lower()), members[0])
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object":
        properties = schema.get("properties")
        if not isinstance(properties, dict) or depth > _deepest:
            return {}
        return {key: _value(each, message, depth + 1) for key, each in properties.items()}
    if kind == "array":
        return [] if depth > _deepest else [_value(schema.get("items"), message, depth + 1)]
    if kind in ("number", "integer"):
        number = float(next(message.numbers, "0"))
        return int(number) if kind == "integer" or number.is_integer() else number
    if kind == "boolean":
        return True
    return None if kind == "null" else next(message.names, message.last)


def _subject(name: str) -> str:
    """`weather` of `get_weather` and of `getWeather`."""
    return (words_of(re.sub(r"([a-z])([A-Z])|_", r"\1 \2", name)) or [""])[-1]
