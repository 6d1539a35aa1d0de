"""Which token is said next: the distribution over the vocabulary, and a choice from it."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from bisect import bisect
from heapq import merge, nlargest

from model.library import Topic
from model.ngrams import END, Ngrams

_shorter = (0.3, 0.03, 0.2, 0.2, 0.2)
"""
What a history of so many of the topic's tokens leaves to the next shorter one, and none at all to the whole text. After one token little
is left, or answers would begin in the middle of a sentence.
"""


@dataclass(frozen=True)
class Choosing:
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    """@default 0: any token"""
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0


@dataclass(frozen=True)
class Said:
    token: str
    logprob: float
    """Of the model's own distribution, before temperature and penalties."""
    top: list[tuple[str, float]]
    """The most likely tokens, as many as were asked for, with their log probabilities."""


class Speech:
    """Says one token after the other, until the end of a passage."""

    def __init__(self, ngrams: Ngrams, topic: Topic, choosing: Choosing, chance: random.Random, top: int = 0) -> None:
        self._ngrams = ngrams
        self._topic = topic
        self._choosing = choosing
        self._chance = chance
        self._top = top
        self._base = list(ngrams.base)
        # Sums of the base's weights at this temperature: a token is found in them by halving, however large the vocabulary is.
        exponent = 1 / choosing.temperature if choosing.temperature > 0 else 1.0
        self._sums = list(accumulate(value**exponent for value in ngrams.base.values()))

    def after(self, history: list[str]) -> Iterator[Said]:
        """The end is not said: the iterator ends there."""
        history = history[-8:]
        counts: dict[str, int] = {}
        while True:
            more, rest = self._given(history)
            likely = {token: value + rest * self._ngrams.base[token] for token, value in more.items()}
            token = self._chosen(likely, rest, counts)
            if token == END:
                return
            top = [(each, math.log(value)) for value, each in self._best(likely, rest, self._top)]
            yield Said(token, math.log(likely[token] if token in likely else rest * self._ngrams.base[token]), top)
            counts[token] = counts.get(token, 0) + 1
            history = [*history[-7:], token]

    def _given(self, history: list[str]) -> tuple[dict[str, float], float]:
        """The topic's counts by ever shorter histories, and what the whole text says below them."""
        more: dict[str, float] = {}
        rest = 1.0
        for length in range(min(4, len(history)), -1, -1):
            tokens = self._topic.followers.get(tuple(history[len(history) - length :]))
            if tokens is None:
                continue
            share = rest * (1 - _shorter[length]) / sum(tokens.values())
            for token, count in tokens.items():
                more[token] = more.get(token, 0.0) + share * count
            rest *= _shorter[length]
        below, below_rest = self._ngrams.given(history)
        for token, value in below.items():
            more[token] = more.get(token, 0.0) + rest * value
        return more, rest * below_rest

    def _chosen(self, likely: dict[str, float], rest: float, counts: dict[str, int]) -> str:
        choosing = self._choosing
        weights = dict(likely)
        if choosing.presence_penalty or choosing.frequency_penalty:
            for token, count in counts.items():
                value = weights.get(token, rest * self._ngrams.base[token])
                weights[token] = value * math.exp(-choosing.presence_penalty - choosing.frequency_penalty * count)
        if choosing.temperature == 0:
            return next(token for _, token in self._best(weights, rest, 1))
        exponent = 1 / choosing.temperature
        if choosing.top_p < 1 or choosing.top_k > 0:
            kept = self._kept(weights, rest, exponent)
        else:
            kept = {token: value**exponent for token, value in weights.items()}
            outside = self._sums[-1] - sum(self._ngrams.base[token] ** exponent for token in kept)
            among = sum(kept.values())
            if self._chance.random() * (among + rest**exponent * outside) >= among:
                return self._unlikely(kept)
        return self._chance.choices(list(kept), list(kept.values()))[0]

    def _unlikely(self, kept: dict[str, float]) -> str:
        """A token of the base that is not among those that the history names."""
        while True:
            token = self._base[min(bisect(self._sums, self._chance.random() * self._sums[-1]), len(self._base) - 1)]
            if token not in kept:
                return token

    def _kept(self, weights: dict[str, float], rest: float, exponent: float) -> dict[str, float]:
        choosing = self._choosing
        outside = self._sums[-1] - sum(self._ngrams.base[token] ** exponent for token in weights)
        total = sum(value**exponent for value in weights.values()) + rest**exponent * outside
        kept: dict[str, float] = {}
        mass = 0.0
        for value, token in self._best(weights, rest, choosing.top_k or len(self._base)):
            kept[token] = value**exponent
            mass += kept[token]
            if mass >= choosing.top_p * total:
                break
        return kept

    def _best(self, likely: dict[str, float], rest: float, count: int) -> Iterator[tuple[float, str]]:
        """The most likely tokens first, as many as `count`."""
        named = nlargest(count, ((value, token) for token, value in likely.items()))
        # The base is sorted already.
        others = ((rest * value, token) for token, value in self._ngrams.base.items() if token not in likely)
        for _, pair in zip(range(count), merge(named, others, key=lambda pair: pair[0], reverse=True)):
            yield pair
