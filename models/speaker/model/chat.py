"""OpenAI's chat completions."""

import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from model.answers import Call, Done, Failed, Piece, Step, is_spoken
from model.ask import Ask, Turn, ask_of, tool_choice_of, tools_of
from model.fields import Body, Refused, content_of, flag_of, integer_of, list_of, mapping_of
from model.wire import DONE, event, openai_failure

_roles = ("system", "developer", "user", "assistant", "tool", "function")
_reasons = {"stop": "stop", "length": "length", "refusal": "stop"}


def chat_ask(body: Body, temperature: float) -> Ask:
    messages = list_of(body, "messages")
    if not messages:
        raise Refused("messages: give at least one message", "messages")
    tools = tools_of(body)
    choice = tool_choice_of(body, tools)
    if not tools and body.get("functions") is not None:
        tools = tools_of({"tools": body["functions"]})
        choice = tool_choice_of({"tool_choice": body.get("function_call")}, tools)
    tells = flag_of(body, "logprobs")
    top = integer_of(body, "top_logprobs", None, 0, 20)
    if top is not None and not tells:
        raise Refused("top_logprobs: it needs logprobs to be true", "top_logprobs")
    return ask_of(
        body,
        [_turn(each, f"messages[{index}]") for index, each in enumerate(messages)],
        temperature,
        tools=tools,
        tool_choice=choice,
        parallel=flag_of(body, "parallel_tool_calls", True),
        logprobs=(top or 0) if tells else None,
        format=mapping_of(body, "response_format"),
        thinks=body.get("reasoning_effort") in ("low", "medium", "high"),
    )


def _turn(message: Any, where: str) -> Turn:
    if not isinstance(message, dict):
        raise Refused(f"{where}: give an object with role and content", where)
    role = message.get("role")
    if role not in _roles:
        raise Refused(f"{where}.role: {ascii(role)} is not one of {', '.join(_roles)}", f"{where}.role")
    content = message.get("content")
    if content is None and role != "assistant":
        raise Refused(f"{where}.content: give a text", f"{where}.content")
    return Turn(role, content_of(content, f"{where}.content"))


@dataclass
class _Message:
    """What one answer has said so far."""

    text: str = ""
    thought: str = ""
    refusal: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    reason: str = "stop"


class Chat:
    """One answer, at once or in chunks. Both are made of the same steps."""

    def __init__(self, body: Body, ask: Ask, fingerprint: str) -> None:
        self._ask = ask
        self._usage_asked = flag_of(mapping_of(body, "stream_options"), "include_usage")
        self._has_functions = not body.get("tools") and body.get("functions") is not None
        self._messages = [_Message() for _ in range(ask.n)]
        self._tokens = 0
        model = body.get("model")
        self._head = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": model if isinstance(model, str) else "speaker",
            "system_fingerprint": fingerprint,
        }

    async def whole(self, steps: AsyncIterator[list[Step]]) -> Body:
        async for each in steps:
            for step in each:
                self._take(step)
        choices = [self._choice(index, message) for index, message in enumerate(self._messages)]
        return {**self._head, "object": "chat.completion", "choices": choices, "usage": self._usage()}

    async def chunks(self, steps: AsyncIterator[list[Step]]) -> AsyncIterator[bytes]:
        content = "" if is_spoken(self._ask) else None
        for index in range(self._ask.n):
            yield self._chunk(index, {"role": "assistant", "content": content, "refusal": None})
        try:
            async for each in steps:
                for step in each:
                    delta = self._take(step)
                    if delta is None:
                        yield self._chunk(step.index, {}, reason=self._messages[step.index].reason)
                    else:
                        said = self._messages[step.index].logprobs[-1:] if "content" in delta else []
                        yield self._chunk(step.index, delta, said)
        except Failed:
            yield event(openai_failure)
            return
        if self._usage_asked:
            yield event({**self._head, "object": "chat.completion.chunk", "choices": [], "usage": self._usage()})
        yield DONE

    def _take(self, step: Step) -> Body | None:
        """Adds a step to its answer, and gives the delta that it is; None at the end."""
        message = self._messages[step.index]
        if isinstance(step, Done):
            message.reason = _reasons.get(step.reason) or ("function_call" if self._has_functions else "tool_calls")
            return None
        if isinstance(step, Call):
            message.calls.append({"id": f"call_{step.id}", "name": step.name, "arguments": ""})
            if self._has_functions:
                return {"function_call": {"name": step.name, "arguments": ""}}
            function = {"name": step.name, "arguments": ""}
            call = {"index": step.position, "id": f"call_{step.id}", "type": "function", "function": function}
            return {"tool_calls": [call]}
        return self._take_piece(message, step)

    def _take_piece(self, message: _Message, piece: Piece) -> Body:
        self._tokens += 1
        if piece.kind == "thought":
            message.thought += piece.text
            return {"reasoning_content": piece.text}
        if piece.kind == "refusal":
            message.refusal += piece.text
            return {"refusal": piece.text}
        if piece.kind == "arguments":
            message.calls[-1]["arguments"] += piece.text
            if self._has_functions:
                return {"function_call": {"arguments": piece.text}}
            return {"tool_calls": [{"index": len(message.calls) - 1, "function": {"arguments": piece.text}}]}
        message.text += piece.text
        if self._ask.logprobs is not None and piece.said:
            top = [_logprob(*each) for each in piece.said.top]
            message.logprobs.append({**_logprob(piece.text, piece.said.logprob), "top_logprobs": top})
        return {"content": piece.text}

    def _choice(self, index: int, message: _Message) -> Body:
        says = not message.calls and not message.refusal
        said: Body = {"role": "assistant", "content": message.text if says else None, "refusal": message.refusal or None}
        if message.thought:
            said["reasoning_content"] = message.thought
        functions = [{"name": call["name"], "arguments": call["arguments"]} for call in message.calls]
        if functions and self._has_functions:
            said["function_call"] = functions[0]
        elif functions:
            ids = [call["id"] for call in message.calls]
            said["tool_calls"] = [{"id": i, "type": "function", "function": f} for i, f in zip(ids, functions)]
        tells = self._ask.logprobs is not None and says
        logprobs = {"content": message.logprobs, "refusal": None} if tells else None
        return {"index": index, "message": said, "logprobs": logprobs, "finish_reason": message.reason}

    def _chunk(self, index: int, delta: Body, said: list[Body] | None = None, reason: str | None = None) -> bytes:
        logprobs = {"content": said, "refusal": None} if said else None
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
        chunk = {**self._head, "object": "chat.completion.chunk", "choices": [choice]}
        return event({**chunk, "usage": None} if self._usage_asked else chunk)

    def _usage(self) -> Body:
        prompt = self._ask.prompt_tokens
        return {"prompt_tokens": prompt, "completion_tokens": self._tokens, "total_tokens": prompt + self._tokens}


def _logprob(token: str, logprob: float) -> Body:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "replace"))}
