"""A token is a word or a sign, with the space before it, so that tokens put together are the text again."""

import re

# A long word counts as several tokens, or a text without spaces would cost nothing.
_token = re.compile(r" ?\w{1,16}| ?[^\w\s]|\s+")
_word = re.compile(r"\w+")
_sentence_end = re.compile(r"(?<=[.!?])(?= )")


def tokens_of(text: str) -> list[str]:
    return _token.findall(text)


def sentences_of(text: str) -> list[str]:
    return _sentence_end.split(text)


def words_of(text: str) -> list[str]:
    """Words without case and plural, by which a question finds what was read about it."""
    return [_singular(word) for word in _word.findall(text.lower())]


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "xes", "ves")):
        return word[:-3] + "f" if word.endswith("ves") else word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
