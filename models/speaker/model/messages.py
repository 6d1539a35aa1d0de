"""Anthropic's messages."""

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

from model.answers import Call, Done, Failed, Piece, Step
from model.ask import Ask, Turn, ask_of, tool_choice_of, tools_of
from model.fields import Body, Refused, content_of, flag_of, list_of, mapping_of, texts_of
from model.wire import FAILURE, event

_reasons = {"stop": "end_turn", "length": "max_tokens", "tools": "tool_use", "refusal": "refusal"}
_delta = {"text": "text_delta", "refusal": "text_delta", "thought": "thinking_delta", "arguments": "input_json_delta"}
_key = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
failure = {"type": "error", "error": {"type": "api_error", "message": FAILURE}}


def messages_ask(body: Body, temperature: float) -> Ask:
    messages = list_of(body, "messages")
    if not messages:
        raise Refused("messages: give at least one message")
    if body.get("max_tokens") is None:
        raise Refused("max_tokens: give a number of tokens")
    tools = tools_of(body)
    system = content_of(body.get("system"), "system")
    choice = mapping_of(body, "tool_choice")
    return ask_of(
        body,
        [*([Turn("system", system)] if system else []), *(_turn(each, index) for index, each in enumerate(messages))],
        temperature,
        most_keys=("max_tokens",),
        stop=[text for text in texts_of(body, "stop_sequences", 8) if text],
        tools=tools,
        tool_choice=tool_choice_of(body, tools),
        parallel=not flag_of(choice, "disable_parallel_tool_use"),
        thinks=mapping_of(body, "thinking").get("type") in ("enabled", "adaptive"),
        n=1,
    )


def refusal(refused: Refused) -> Body:
    return {"type": "error", "error": {"type": "invalid_request_error", "message": refused.message}}


def _turn(message: Any, index: int) -> Turn:
    where = f"messages[{index}]"
    role = message.get("role") if isinstance(message, dict) else None
    if role not in ("user", "assistant"):
        raise Refused(f"{where}.role: {ascii(role)} is neither user nor assistant")
    parts = message.get("content")
    # Clients send a tool's result in the user's name.
    is_result = isinstance(parts, list) and any(isinstance(p, dict) and p.get("type") == "tool_result" for p in parts)
    return Turn("tool" if is_result else role, content_of(parts, f"{where}.content"))


class Message:
    """One answer, at once or in events; content comes in blocks, one after the other."""

    def __init__(self, body: Body, ask: Ask) -> None:
        self._ask = ask
        self._blocks: list[dict[str, Any]] = []
        self._input = ""
        self._tokens = 0
        model = body.get("model")
        self._head = {
            "id": f"msg_{uuid.uuid4().hex}",
            "type": "message",
            "role": "assistant",
            "model": model if isinstance(model, str) else "speaker",
        }

    async def whole(self, steps: AsyncIterator[list[Step]]) -> Body:
        end: Body = {}
        async for name, data in self._events(steps):
            end = data["delta"] if name == "message_delta" else end
        usage = {"input_tokens": self._ask.prompt_tokens, "output_tokens": self._tokens}
        return {**self._head, "content": self._blocks, **end, "usage": usage}

    async def chunks(self, steps: AsyncIterator[list[Step]]) -> AsyncIterator[bytes]:
        usage = {"input_tokens": self._ask.prompt_tokens, "output_tokens": 0}
        start = {**self._head, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
        yield event({"type": "message_start", "message": start}, "message_start")
        yield event({"type": "ping"}, "ping")
        try:
            async for name, data in self._events(steps):
                yield event({"type": name, **data}, name)
        except Failed:
            yield event(failure, "error")
            return
        yield event({"type": "message_stop"}, "message_stop")

    async def _events(self, steps: AsyncIterator[list[Step]]) -> AsyncIterator[tuple[str, Body]]:
        async for each in steps:
            for step in each:
                for made in self._take(step):
                    yield made

    def _take(self, step: Step) -> list[tuple[str, Body]]:
        if isinstance(step, Call):
            tool = {"type": "tool_use", "id": f"toolu_{step.id}", "name": step.name, "input": {}}
            return [*self._ended(), self._begun(tool)]
        if isinstance(step, Done):
            reason = "stop_sequence" if step.stop is not None else _reasons[step.reason]
            delta = {"stop_reason": reason, "stop_sequence": step.stop}
            return [*self._ended(), ("message_delta", {"delta": delta, "usage": {"output_tokens": self._tokens}})]
        return self._said(step)

    def _said(self, piece: Piece) -> list[tuple[str, Body]]:
        self._tokens += 1
        made: list[tuple[str, Body]] = []
        kind = _delta[piece.kind]
        if kind == "thinking_delta" and not self._blocks:
            made.append(self._begun({"type": "thinking", "thinking": "", "signature": ""}))
        elif kind == "text_delta" and (not self._blocks or self._blocks[-1]["type"] != "text"):
            made += [*self._ended(), self._begun({"type": "text", "text": ""})]
        block = self._blocks[-1]
        if kind == "input_json_delta":
            self._input += piece.text
        else:
            block[_key[kind]] += piece.text
        delta = {"type": kind, _key[kind]: piece.text}
        return [*made, ("content_block_delta", {"index": len(self._blocks) - 1, "delta": delta})]

    def _begun(self, block: Body) -> tuple[str, Body]:
        self._blocks.append(block)
        self._input = ""
        return ("content_block_start", {"index": len(self._blocks) - 1, "content_block": dict(block)})

    def _ended(self) -> list[tuple[str, Body]]:
        if not self._blocks:
            return []
        index, block = len(self._blocks) - 1, self._blocks[-1]
        made: list[tuple[str, Body]] = []
        if block["type"] == "tool_use":
            block["input"] = _input_of(self._input)
        elif block["type"] == "thinking":
            block["signature"] = "speaker"
            made.append(("content_block_delta", {"index": index, "delta": {"type": "signature_delta", "signature": "speaker"}}))
        return [*made, ("content_block_stop", {"index": index})]


def _input_of(text: str) -> Any:
    """Cut off by `max_tokens`, a tool's input is not JSON."""
    try:
        return json.loads(text or "{}")
    except ValueError:
        return {}
