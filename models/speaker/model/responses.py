"""OpenAI's responses."""

import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

from model.answers import Call, Done, Failed, Piece, Step
from model.ask import Ask, Turn, ask_of, tool_choice_of, tools_of
from model.fields import Body, Refused, content_of, flag_of, mapping_of
from model.wire import FAILURE, event

_texts = {"text": ("output_text", "text"), "refusal": ("refusal", "refusal")}


def responses_ask(body: Body, temperature: float) -> Ask:
    asked = body.get("input")
    if isinstance(asked, str):
        asked = [{"role": "user", "content": asked}]
    if not isinstance(asked, list) or not asked:
        raise Refused("input: give a text or a list with at least one item", "input")
    instructions = content_of(body.get("instructions"), "instructions")
    tools = tools_of(body)
    return ask_of(
        body,
        [
            *([Turn("system", instructions)] if instructions else []),
            *(_turn(each, f"input[{index}]") for index, each in enumerate(asked)),
        ],
        temperature,
        most_keys=("max_output_tokens",),
        n=1,
        stop=[],
        tools=tools,
        tool_choice=tool_choice_of(body, tools),
        parallel=flag_of(body, "parallel_tool_calls", True),
        format=mapping_of(mapping_of(body, "text"), "format"),
    )


def _turn(item: Any, where: str) -> Turn:
    if not isinstance(item, dict):
        raise Refused(f"{where}: give an object", where)
    kind = item.get("type", "message")
    if kind == "function_call_output":
        return Turn("tool", content_of(item.get("output"), f"{where}.output"))
    if kind in ("function_call", "reasoning"):
        return Turn("assistant", "")
    role = item.get("role")
    if kind != "message" or role not in ("user", "assistant", "system", "developer"):
        raise Refused(f"{where}: it is not a message of user, assistant, system or developer", where)
    return Turn(role, content_of(item.get("content"), f"{where}.content"))


class Answer:
    """One response, at once or in events. Its output is a list of items: a message, or calls of functions."""

    def __init__(self, body: Body, ask: Ask) -> None:
        self._ask = ask
        self._output: list[dict[str, Any]] = []
        self._tokens = 0
        self._sent = 0
        model = body.get("model")
        self._head = {
            "id": f"resp_{uuid.uuid4().hex}",
            "object": "response",
            "created_at": int(time.time()),
            "model": model if isinstance(model, str) else "speaker",
            "parallel_tool_calls": ask.parallel,
            "tool_choice": ask.tool_choice,
            "tools": body.get("tools") or [],
            "temperature": ask.choosing.temperature,
            "top_p": ask.choosing.top_p,
            "max_output_tokens": body.get("max_output_tokens"),
            "metadata": body.get("metadata") or {},
        }

    async def whole(self, steps: AsyncIterator[list[Step]]) -> Body:
        async for each in steps:
            for step in each:
                self._take(step)
        return self._response(self._status)

    async def chunks(self, steps: AsyncIterator[list[Step]]) -> AsyncIterator[bytes]:
        yield self._event("response.created", response=self._response("in_progress"))
        yield self._event("response.in_progress", response=self._response("in_progress"))
        try:
            async for each in steps:
                for step in each:
                    for name, data in self._take(step):
                        yield self._event(name, **data)
        except Failed:
            failed = {**self._response("failed"), "error": {"code": "server_error", "message": FAILURE}}
            yield self._event("response.failed", response=failed)
            return
        yield self._event(f"response.{self._status}", response=self._response(self._status))

    _status = "completed"

    def _event(self, name: str, **data: Any) -> bytes:
        self._sent += 1
        return event({"type": name, "sequence_number": self._sent - 1, **data}, name)

    def _response(self, status: str) -> Body:
        ended = status in ("completed", "incomplete")
        prompt = self._ask.prompt_tokens
        usage = {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": self._tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": prompt + self._tokens,
        }
        return {
            **self._head,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "output": self._output if ended else [],
            "usage": usage if ended else None,
        }

    def _take(self, step: Step) -> list[tuple[str, Body]]:
        if isinstance(step, Call):
            call = {"type": "function_call", "id": f"fc_{step.id}", "call_id": f"call_{step.id}"}
            return [*self._ended("completed"), self._begun({**call, "name": step.name, "arguments": ""})]
        if isinstance(step, Done):
            self._status = "incomplete" if step.reason == "length" else "completed"
            return self._ended(self._status)
        return self._said(step)

    def _said(self, piece: Piece) -> list[tuple[str, Body]]:
        self._tokens += 1
        if piece.kind == "arguments":
            self._output[-1]["arguments"] += piece.text
            return [("response.function_call_arguments.delta", {**self._place(), "delta": piece.text})]
        kind, key = _texts[piece.kind]
        made: list[tuple[str, Body]] = []
        if not self._output:
            made.append(self._begun({"type": "message", "id": f"msg_{uuid.uuid4().hex}", "role": "assistant", "content": []}))
            part = {"type": kind, key: "", **({"annotations": []} if kind == "output_text" else {})}
            self._output[-1]["content"].append(part)
            made.append(("response.content_part.added", {**self._place(), "content_index": 0, "part": dict(part)}))
        self._output[-1]["content"][0][key] += piece.text
        return [*made, (f"response.{kind}.delta", {**self._place(), "content_index": 0, "delta": piece.text})]

    def _place(self) -> Body:
        return {"item_id": self._output[-1]["id"], "output_index": len(self._output) - 1}

    def _begun(self, item: Body) -> tuple[str, Body]:
        self._output.append({**item, "status": "in_progress"})
        added = {**item, "status": "in_progress"}
        if "content" in added:
            added["content"] = []
        return ("response.output_item.added", {"output_index": len(self._output) - 1, "item": added})

    def _ended(self, status: str) -> list[tuple[str, Body]]:
        if not self._output:
            return []
        item = self._output[-1]
        item["status"] = status
        made: list[tuple[str, Body]] = []
        if item["type"] == "function_call":
            made.append(("response.function_call_arguments.done", {**self._place(), "arguments": item["arguments"]}))
        else:
            part = item["content"][0]
            key = "refusal" if part["type"] == "refusal" else "text"
            place = {**self._place(), "content_index": 0}
            made.append((f"response.{part['type']}.done", {**place, key: part[key]}))
            made.append(("response.content_part.done", {**place, "part": part}))
        return [*made, ("response.output_item.done", {"output_index": len(self._output) - 1, "item": item})]
