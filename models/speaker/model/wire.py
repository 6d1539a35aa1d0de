"""Bytes on the wire: requests' JSON, server-sent events, and the pace at which tokens come."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastapi.responses import JSONResponse, StreamingResponse
from starlette.requests import Request

from model.answers import Step
from model.fields import Body, Refused

FAILURE = "The request asked for an answer that fails."
DONE = b"data: [DONE]\n\n"


async def body_of(request: Request) -> Body:
    """The request's JSON object. The server would answer to one that cannot be read in a shape that no client of these protocols knows."""
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise Refused(f"body: it is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise Refused("body: it is not an object")
    return body


def event(data: Any, name: str | None = None) -> bytes:
    head = "" if name is None else f"event: {name}\n"
    return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode("utf-8", "replace")


def streamed(events: AsyncIterator[bytes]) -> StreamingResponse:
    return StreamingResponse(events, media_type="text/event-stream", headers={"cache-control": "no-cache"})


async def paced(steps: Iterator[list[Step]], per_second: float) -> AsyncIterator[list[Step]]:
    """Each token when it is due, counted from the first, so that a late one does not make the others late."""
    begun = time.monotonic()
    for at, step in enumerate(steps, 1):
        await asyncio.sleep(max(0.0, begun + at / per_second - time.monotonic()))
        yield step


def openai_refusal(refused: Refused) -> JSONResponse:
    error = {"message": refused.message, "type": "invalid_request_error", "param": refused.param, "code": refused.code}
    return JSONResponse({"error": error}, 400)


openai_failure = {"error": {"message": FAILURE, "type": "server_error", "param": None, "code": "failure_asked_for"}}
