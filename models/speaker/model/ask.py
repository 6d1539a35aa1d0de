"""What a request asks for, whatever protocol it came in."""

import random
from dataclasses import dataclass, field
from typing import Any

from model.fields import Body, Refused, flag_of, integer_of, list_of, mapping_of, number_of, texts_of
from model.speech import Choosing
from model.tokens import tokens_of

CONTEXT = 4096
"""Tokens of a request and its answer together."""
_usual_most = 256
"""Tokens of an answer for which the request gives no limit."""
_of_a_turn = 4
"""Tokens that begin and end each message."""


@dataclass(frozen=True)
class Turn:
    role: str
    text: str


@dataclass(frozen=True)
class Tool:
    name: str
    parameters: Body


@dataclass(frozen=True)
class Ask:
    turns: list[Turn]
    choosing: Choosing
    most: int
    """Tokens of each answer."""
    prompt: str = ""
    """What the answer goes on from; a conversation's begins anew."""
    seed: int | None = None
    n: int = 1
    stop: list[str] = field(default_factory=list)
    logprobs: int | None = None
    """How many likely tokens are told with each; none tells no log probabilities."""
    tools: list[Tool] = field(default_factory=list)
    tool_choice: str = "auto"
    """`auto`, `none`, `required`, or the name of a tool."""
    parallel: bool = True
    format: Body = field(default_factory=dict)
    """The `response_format`: `json_object`, or `json_schema` with its schema."""
    thinks: bool = False
    streams: bool = False
    fails_after: int | None = None
    """Tokens after which the answer ends with an error. @default None: it does not"""
    breaks_after: int | None = None
    """Tokens after which the connection ends without a word."""

    @property
    def prompt_tokens(self) -> int:
        return _prompt_tokens(self.turns, self.prompt)

    def chance(self, index: int) -> random.Random:
        """One for each answer. With a seed it is the same again in every process."""
        return random.Random() if self.seed is None else random.Random(f"{self.seed}/{index}")


def ask_of(
    body: Body,
    turns: list[Turn],
    temperature: float,
    *,
    prompt: str = "",
    most_keys: tuple[str, ...] = ("max_completion_tokens", "max_tokens"),
    **more: Any,
) -> Ask:
    """
    Fields that the protocols share. Fields that it does not know are ignored, as other servers do.

    :param temperature: where the request has none
    :param most_keys: names of the limit of an answer's tokens; the first that the request has counts
    """
    ends = mapping_of(body, "metadata")
    asked = next((found for key in most_keys if (found := integer_of(body, key, None, 1, 1_000_000)) is not None), None)
    return Ask(
        turns=turns,
        prompt=prompt,
        choosing=Choosing(
            temperature=number_of(body, "temperature", temperature, 0, 2),
            top_p=number_of(body, "top_p", 1, 0, 1),
            top_k=integer_of(body, "top_k", 0, 0, 1_000_000) or 0,
            presence_penalty=number_of(body, "presence_penalty", 0, -2, 2),
            frequency_penalty=number_of(body, "frequency_penalty", 0, -2, 2),
        ),
        most=_most(_prompt_tokens(turns, prompt), asked),
        seed=integer_of(body, "seed", None, -(2**63), 2**63 - 1),
        streams=flag_of(body, "stream"),
        fails_after=_after(ends, "fail_after_tokens"),
        breaks_after=_after(ends, "break_after_tokens"),
        **{
            "n": integer_of(body, "n", 1, 1, 128),
            "stop": [text for text in texts_of(body, "stop", 4) if text],
            **more,
        },
    )


def tools_of(body: Body) -> list[Tool]:
    """`{"type": "function", "function": {name, parameters}}`, or flat: `{name, parameters | input_schema}`."""
    return [_tool(each, f"tools[{index}]") for index, each in enumerate(list_of(body, "tools"))]


def tool_choice_of(body: Body, tools: list[Tool]) -> str:
    choice = body.get("tool_choice") or "auto"
    if isinstance(choice, dict):
        kind = choice.get("type")
        named = mapping_of(choice, "function").get("name") or choice.get("name")
        choice = named if named is not None else {"any": "required"}.get(str(kind), kind)
    if choice not in ("auto", "none", "required") and choice not in [tool.name for tool in tools]:
        raise Refused(f"tool_choice: {ascii(choice)} is not auto, none, required or the name of a tool", "tool_choice")
    return choice


def _tool(value: Any, where: str) -> Tool:
    if not isinstance(value, dict):
        raise Refused(f"{where}: give an object that names a function", where)
    function = value.get("function", value)
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str) or not name:
        raise Refused(f"{where}: give the function's name", where)
    return Tool(name, mapping_of(function, "parameters") or mapping_of(function, "input_schema"))


def _prompt_tokens(turns: list[Turn], prompt: str) -> int:
    return sum(len(tokens_of(turn.text)) + _of_a_turn for turn in turns) + len(tokens_of(prompt))


def _most(prompt: int, asked: int | None) -> int:
    wanted = prompt + (asked or 1)
    if wanted > CONTEXT:
        limit = "" if asked is None else f" and the answer may have {asked}"
        raise Refused(
            f"The context of this model is {CONTEXT} tokens; the request has {prompt}{limit}. Send less, or ask for a shorter answer.",
            "messages",
            "context_length_exceeded",
        )
    return min(asked or _usual_most, CONTEXT - prompt)


def _after(metadata: Body, key: str) -> int | None:
    """OpenAI's metadata are texts."""
    value = metadata.get(key)
    if value is None:
        return None
    if not str(value).isascii() or not str(value).isdigit():
        raise Refused(f"metadata.{key}: give a number of tokens as a text", f"metadata.{key}")
    return int(str(value)[:9])
