"""An n-gram model with interpolated Kneser-Ney smoothing (Chen and Goodman, 1999), and the unigram model it has to beat."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

START = "<start>"
"""Stands before a passage. It is never said."""
END = "\n"
"""Ends a passage. It is never said either: where it comes, the answer is done."""

Context = tuple[str, ...]


class Ngrams:
    """What follows a history of tokens, over the vocabulary of the text that it was counted in."""

    def __init__(self, passages: Iterable[Sequence[str]], order: int = 4) -> None:
        self.order = order
        sequences = [(START, *passage, END) for passage in passages]
        kinds = [_counted(sequences, order)]
        # Below the highest order a token counts once for each token before it: "Francisco" is frequent, but only after "San".
        for length in range(order - 2, -1, -1):
            kinds.append(_continuations(kinds[-1], sequences, length))
        self._kinds = kinds[:-1]
        self._discounts = [_discount(kind) for kind in self._kinds]
        self.base = _base(kinds[-1][()])

    def given(self, history: Sequence[str]) -> tuple[dict[str, float], float]:
        """
        Probabilities of the next token: of a token `w` it is `more.get(w, 0) + rest * base[w]`. So few tokens need a look, though all
        of the vocabulary has a probability.
        """
        more: dict[str, float] = {}
        rest = 1.0
        for length, kind, discount in zip(range(self.order - 1, 0, -1), self._kinds, self._discounts):
            followers = kind.get(tuple(history[-length:]))
            if followers is None:
                continue
            total = sum(followers.values())
            for token, count in followers.items():
                more[token] = more.get(token, 0.0) + rest * (count - discount) / total
            rest *= discount * len(followers) / total
        return more, rest


class Unigrams:
    """Each token by how often it came, whatever is before it."""

    def __init__(self, passages: Iterable[Sequence[str]]) -> None:
        self.base = _base(Counter(token for passage in passages for token in (*passage, END)))

    def given(self, _history: Sequence[str]) -> tuple[dict[str, float], float]:
        return {}, 1.0


def perplexity(model: Ngrams | Unigrams, passage: Sequence[str], unknown: float) -> float:
    """
    Of how many equally likely tokens the model chooses on average, in a text.

    :param unknown: share of tokens that are expected to be outside of the vocabulary, the same for each model that is compared
    """
    history, logs = [START], 0.0
    for token in (*passage, END):
        more, rest = model.given(history)
        of_base = model.base.get(token)
        logs += math.log(unknown if of_base is None else (1 - unknown) * (more.get(token, 0.0) + rest * of_base))
        history.append(token)
    return math.exp(-logs / (len(passage) + 1))


def unknown_share(passages: Iterable[Sequence[str]]) -> float:
    """How likely a token is new: as often as a token of the text came only once (Good and Turing's estimate)."""
    counts = Counter(token for passage in passages for token in passage)
    return sum(1 for count in counts.values() if count == 1) / sum(counts.values())


def _counted(sequences: list[tuple[str, ...]], order: int) -> dict[Context, dict[str, int]]:
    """Tokens by what is before them, `order - 1` tokens or what there is of them after the start."""
    found: dict[Context, dict[str, int]] = {}
    for sequence in sequences:
        for at in range(1, len(sequence)):
            followers = found.setdefault(sequence[max(0, at - order + 1) : at], {})
            followers[sequence[at]] = followers.get(sequence[at], 0) + 1
    return found


def _continuations(
    above: dict[Context, dict[str, int]], sequences: list[tuple[str, ...]], length: int
) -> dict[Context, dict[str, int]]:
    found: dict[Context, dict[str, int]] = {}
    for context, tokens in above.items():
        # Nothing comes before the start, so such a context is counted as it is.
        kept = context[-length:] if length else ()
        for token, count in tokens.items():
            followers = found.setdefault(kept, {})
            followers[token] = followers.get(token, 0) + (count if kept and kept[0] == START else 1)
    return found


def _discount(kind: dict[Context, dict[str, int]]) -> float:
    counts = Counter(count for followers in kind.values() for count in followers.values())
    return counts[1] / (counts[1] + 2 * counts[2]) if counts[1] else 0.5


def _base(counts: dict[str, int]) -> dict[str, float]:
    """Most likely first; tokens as likely as each other in the order of the alphabet, so that no run differs from another."""
    total = sum(counts.values()) + len(counts)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {token: (count + 1) / total for token, count in ordered}
