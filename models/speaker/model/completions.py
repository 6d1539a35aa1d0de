"""OpenAI's older completions of a text."""

import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

from model.answers import Done, Failed, Piece, Step
from model.ask import Ask, ask_of
from model.fields import Body, Refused, flag_of, integer_of, mapping_of
from model.wire import DONE, event, openai_failure


def completion_ask(body: Body, temperature: float) -> Ask:
    prompt = body.get("prompt", "")
    if not isinstance(prompt, str):
        raise Refused("prompt: give one text", "prompt")
    for key in ("echo", "suffix", "best_of"):
        if body.get(key):
            raise Refused(f"{key}: this model does not have it", key)
    return ask_of(
        body, [], temperature, prompt=prompt, most_keys=("max_tokens",), logprobs=integer_of(body, "logprobs", None, 0, 5)
    )


class Completion:
    """One answer, at once or in chunks."""

    def __init__(self, body: Body, ask: Ask, fingerprint: str) -> None:
        self._ask = ask
        self._usage_asked = flag_of(mapping_of(body, "stream_options"), "include_usage")
        self._pieces: list[list[Piece]] = [[] for _ in range(ask.n)]
        self._reasons = ["stop"] * ask.n
        model = body.get("model")
        self._head = {
            "id": f"cmpl-{uuid.uuid4().hex}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": model if isinstance(model, str) else "speaker",
            "system_fingerprint": fingerprint,
        }

    async def whole(self, steps: AsyncIterator[list[Step]]) -> Body:
        async for each in steps:
            for step in each:
                self._take(step)
        choices = [self._choice(index, pieces, 0, self._reasons[index]) for index, pieces in enumerate(self._pieces)]
        return {**self._head, "choices": choices, "usage": self._usage()}

    async def chunks(self, steps: AsyncIterator[list[Step]]) -> AsyncIterator[bytes]:
        try:
            async for each in steps:
                for step in each:
                    begun = self._length(step.index)
                    self._take(step)
                    said = [step] if isinstance(step, Piece) else []
                    reason = self._reasons[step.index] if isinstance(step, Done) else None
                    chunk = {**self._head, "choices": [self._choice(step.index, said, begun, reason)]}
                    yield event({**chunk, "usage": None} if self._usage_asked else chunk)
        except Failed:
            yield event(openai_failure)
            return
        if self._usage_asked:
            yield event({**self._head, "choices": [], "usage": self._usage()})
        yield DONE

    def _take(self, step: Step) -> None:
        if isinstance(step, Piece):
            self._pieces[step.index].append(step)
        elif isinstance(step, Done):
            self._reasons[step.index] = step.reason

    def _length(self, index: int) -> int:
        return sum(len(piece.text) for piece in self._pieces[index])

    def _choice(self, index: int, pieces: list[Piece], begun: int, reason: str | None) -> Body:
        text = "".join(piece.text for piece in pieces)
        logprobs = self._logprobs(pieces, len(self._ask.prompt) + begun)
        return {"text": text, "index": index, "logprobs": logprobs, "finish_reason": reason}

    def _logprobs(self, pieces: list[Piece], at: int) -> dict[str, Any] | None:
        if self._ask.logprobs is None:
            return None
        said = [(piece.text, piece.said) for piece in pieces if piece.said]
        offsets = []
        for text, _ in said:
            offsets.append(at)
            at += len(text)
        return {
            "tokens": [text for text, _ in said],
            "token_logprobs": [each.logprob for _, each in said],
            "top_logprobs": [dict(each.top) for _, each in said],
            "text_offset": offsets,
        }

    def _usage(self) -> Body:
        prompt, said = self._ask.prompt_tokens, sum(map(len, self._pieces))
        return {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said}
