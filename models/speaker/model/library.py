"""What the model has read: its passages, and which of them a conversation is about."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.ngrams import END, START, Context, Ngrams, Unigrams, perplexity, unknown_share
from model.tokens import sentences_of, tokens_of, words_of

_chosen = 3
"""Passages that an answer leans on."""
_longest = 4
"""Tokens of history by which an answer follows them."""
_said_again = 0.01
"""How much less likely an answer begins with what was said before."""
_of_questions = frozenset(
    "a about am an and any are can could do doe explain give had ha have how i in is it know like me more my of on or please "
    "say show some tell than thank that the them there they thi to wa we what when where which who why will with would you your".split()
)
"""Words (without plural) that questions have whatever they are about."""


@dataclass(frozen=True)
class Passage:
    title: str
    sentences: Sequence[Sequence[str]]
    words: Sequence[frozenset[str]]


@dataclass(frozen=True)
class Topic:
    """Counts of the passages that a conversation is about, weighted by how well they fit."""

    passages: Sequence[Passage]
    followers: dict[Context, dict[str, float]]


class Library:
    """A text of one passage a line. Counting it takes some tens of milliseconds."""

    def __init__(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        self.fingerprint = "fp_" + hashlib.sha256(text.encode()).hexdigest()[:10]
        lines = [line for line in text.splitlines() if line.strip()]
        self._passages = [_passage(line) for line in lines]
        sequences = [tokens_of(f" {line}") for line in lines]
        self.ngrams = Ngrams(sequences)
        self._unigrams = Unigrams(sequences)
        self._unknown = unknown_share(sequences)
        self._passages_with = Counter(word for each in self._passages for word in frozenset().union(*each.words))

    def perplexities(self, text: str) -> tuple[int, float, float]:
        """Tokens of a text, the model's perplexity on it, and that of a unigram model over the same vocabulary."""
        tokens = tokens_of(f" {text.strip()}")
        ours, theirs = (perplexity(model, tokens, self._unknown) for model in (self.ngrams, self._unigrams))
        return len(tokens), ours, theirs

    def rareness(self, word: str) -> float:
        """Nothing for a word that is in more than a fifth of the passages, in none, or in questions about anything."""
        if word in _of_questions:
            return 0.0
        passages = self._passages_with.get(word, 0)
        return math.log(len(self._passages) / passages) if 0 < passages * 5 <= len(self._passages) else 0.0

    def topic(self, turns: Iterable[tuple[float, str]], said: str = "") -> Topic:
        """
        :param turns: texts of the conversation, each with how much it counts; the last is what is asked now
        :param said: what the model has said so far; it begins with something else the next time, if there is something
        """
        asked: dict[str, float] = {}
        latest: frozenset[str] = frozenset()
        for weight, text in turns:
            words = words_of(text)
            latest = frozenset(words)
            for word in words:
                asked[word] = max(asked.get(word, 0.0), weight * self.rareness(word))
        scored = [(_score(each, asked), each) for each in self._passages]
        best = sorted((each for each in scored if each[0] > 0), key=lambda each: -each[0])[:_chosen]
        # Asked about nothing that it has read, it talks about itself.
        best = best or [(1.0, each) for each in self._passages[:2]]
        top = best[0][0]
        followers: dict[Context, dict[str, float]] = {}
        for score, passage in best:
            fits = [(0.2 + self._fit(words, latest)) ** 3 for words in passage.words]
            begins = [_said_again if "".join(each) in said else 1.0 for each in passage.sentences]
            weights = [fit * begin for fit, begin in zip(fits, begins)]
            _count(followers, passage, (score / top) ** 4, weights)
        return Topic([passage for _, passage in best], followers)

    def _fit(self, words: frozenset[str], latest: frozenset[str]) -> float:
        return sum(self.rareness(word) for word in sorted(words & latest))


def _passage(line: str) -> Passage:
    sentences = sentences_of(f" {line}")
    title = " ".join(sentences[0].split()[:3])
    return Passage(title, [tokens_of(each) for each in sentences], [frozenset(words_of(each)) for each in sentences])


def _score(passage: Passage, asked: dict[str, float]) -> float:
    """A passage is about a word that it begins with, more than about one that it mentions, and most about one that it repeats."""
    return sum(
        asked.get(word, 0.0) * (1.5 if at == 0 else 1.0) / (at + 1) ** 0.5
        for at, words in enumerate(passage.words)
        for word in sorted(words)
    )


def _count(
    followers: dict[Context, dict[str, float]], passage: Passage, weight: float, begins: Sequence[float]
) -> None:
    whole: list[str] = [START]
    first = [len(whole)]
    for sentence in passage.sentences:
        whole.extend(sentence)
        first.append(len(whole))
    whole.append(END)
    for at in range(1, len(whole)):
        for length in range(0, min(_longest, at - 1) + 1):
            _add(followers, tuple(whole[at - length : at]), whole[at], weight)
    # An answer may begin with any sentence; the one that has the question's words is much the likelier.
    for begin, end, likelihood in zip(first, first[1:], begins):
        begun = [START, *whole[begin:end]]
        for at in range(1, len(begun)):
            _add(followers, tuple(begun[max(0, at - _longest) : at]), begun[at], weight * likelihood)


def _add(followers: dict[Context, dict[str, float]], context: Context, token: str, weight: float) -> None:
    tokens = followers.setdefault(context, {})
    tokens[token] = tokens.get(token, 0.0) + weight
