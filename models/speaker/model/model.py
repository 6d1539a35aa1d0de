import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi.responses import JSONResponse
from starlette.requests import Request

from model import messages
from model.answers import BrokenOff, Failed, answers
from model.ask import Ask
from model.chat import Chat, chat_ask
from model.completions import Completion, completion_ask
from model.embeddings import embeddings
from model.fields import Body, Refused
from model.library import Library
from model.messages import Message, messages_ask
from model.responses import Answer, responses_ask
from model.wire import body_of, openai_failure, openai_refusal, paced, streamed

_text = Path(__file__).parent / "text.txt"


class Model:
    """Speaks by counts of which word follows which, in model/text.txt."""

    def __init__(self, **kwargs: Any) -> None:
        self._library: Library | None = None
        self._per_second = 50.0
        self._temperature = 1.0

    def load(self) -> None:
        self._per_second = _setting("TOKENS_PER_SECOND", 50, 20, 200)
        self._temperature = _setting("TEMPERATURE", 1, 0, 2)
        self._library = Library(_text)

    async def predict(self, request: Request) -> Any:
        """How well the model knows a text: `{"text": …}` → tokens, its perplexity, and that of a model which only counts words."""
        try:
            text = (await body_of(request)).get("text")
            if not isinstance(text, str) or not text.strip():
                raise Refused('body: give {"text": "The otter eats fish."}')
        except Refused as refused:
            return openai_refusal(refused)
        tokens, own, unigram = self._library.perplexities(text)
        return {"tokens": tokens, "perplexity": round(own, 3), "unigram_perplexity": round(unigram, 3)}

    async def chat_completions(self, request: Request) -> Any:
        def make(body: Body, ask: Ask) -> Chat:
            return Chat(body, ask, self._library.fingerprint)

        return await self._answered(request, chat_ask, make)

    async def completions(self, request: Request) -> Any:
        def make(body: Body, ask: Ask) -> Completion:
            return Completion(body, ask, self._library.fingerprint)

        # As most trusses stream: a bare generator, which the server sends as application/octet-stream.
        return await self._answered(request, completion_ask, make, lambda chunks: chunks)

    async def messages(self, request: Request) -> Any:
        def refuse(refused: Refused) -> JSONResponse:
            return JSONResponse(messages.refusal(refused), 400)

        return await self._answered(request, messages_ask, Message, streamed, refuse, messages.failure)

    async def responses(self, request: Request) -> Any:
        return await self._answered(request, responses_ask, Answer)

    async def embeddings(self, request: Request) -> Any:
        try:
            return embeddings(await body_of(request), self._library)
        except Refused as refused:
            return openai_refusal(refused)

    async def _answered(
        self,
        request: Request,
        read: Callable[[Body, float], Ask],
        make: Callable[[Body, Ask], Any],
        stream: Callable[[Any], Any] = streamed,
        refuse: Callable[[Refused], JSONResponse] = openai_refusal,
        failure: Body = openai_failure,
    ) -> Any:
        try:
            body = await body_of(request)
            ask = read(body, self._temperature)
            answer = make(body, ask)
        except Refused as refused:
            return refuse(refused)
        steps = paced(answers(ask, self._library), self._per_second)
        if ask.streams:
            return stream(answer.chunks(steps))
        try:
            return await answer.whole(steps)
        except (Failed, BrokenOff):
            return JSONResponse(failure, 500)


def _setting(name: str, default: float, low: float, high: float) -> float:
    text = os.environ.get(name, str(default))
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise ValueError(f'{name}: "{text}" is not a number from {low:g} to {high:g}')
    return value
