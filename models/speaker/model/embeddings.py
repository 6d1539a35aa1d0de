"""OpenAI's embeddings: the words of a text, each with a direction of its own, weighted by how rare it is in what the model has read."""

import base64
import hashlib
import math
import struct

from model.fields import Body, Refused, integer_of, texts_of
from model.library import Library
from model.tokens import tokens_of, words_of

_dimensions = 256


def embeddings(body: Body, library: Library) -> Body:
    texts = texts_of(body, "input", 2048)
    if not texts or not all(texts):
        raise Refused("input: give a text, or a list of texts, that are not empty", "input")
    size = integer_of(body, "dimensions", _dimensions, 1, _dimensions) or _dimensions
    coding = body.get("encoding_format") or "float"
    if coding not in ("float", "base64"):
        raise Refused(f"encoding_format: {ascii(coding)} is neither float nor base64", "encoding_format")
    vectors = [_vector(text, library)[:size] for text in texts]
    data = [
        {"object": "embedding", "index": index, "embedding": _written(_unit(vector), coding)}
        for index, vector in enumerate(vectors)
    ]
    tokens = sum(len(tokens_of(text)) for text in texts)
    model = body.get("model")
    return {
        "object": "list",
        "data": data,
        "model": model if isinstance(model, str) else "speaker",
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _vector(text: str, library: Library) -> list[float]:
    vector = [0.0] * _dimensions
    for word in words_of(text):
        weight = library.rareness(word) + 0.1
        for at, bit in enumerate(_direction(word)):
            vector[at] += weight if bit else -weight
    return vector


def _direction(word: str) -> list[int]:
    bits = hashlib.sha256(word.encode("utf-8", "replace")).digest()
    return [byte >> shift & 1 for byte in bits for shift in range(8)]


def _unit(vector: list[float]) -> list[float]:
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]


def _written(vector: list[float], coding: str) -> list[float] | str:
    packed = struct.pack(f"<{len(vector)}f", *vector)
    # The numbers of both codings are the same float32.
    return base64.b64encode(packed).decode() if coding == "base64" else list(struct.unpack(f"<{len(vector)}f", packed))
