"""The answers to a request, token by token, before they are written in any protocol."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from model.ask import Ask, Turn
from model.library import Library, Topic
from model.ngrams import START
from model.speech import Said, Speech
from model.tokens import tokens_of, words_of
from model.tools import arguments, called_tools

_weights = {"user": 0.4, "system": 0.2, "developer": 0.2}
"""How much earlier messages count for what a conversation is about; the last one counts 1."""


@dataclass(frozen=True)
class Piece:
    """One token of an answer."""

    index: int
    kind: str
    """`text`, `thought`, `refusal`, or `arguments` of the tool call that was begun last."""
    text: str
    said: Said | None = None
    """Of a text."""


@dataclass(frozen=True)
class Call:
    """A tool call begins."""

    index: int
    position: int
    id: str
    name: str


@dataclass(frozen=True)
class Done:
    index: int
    reason: str
    """`stop`, `length`, `tools` or `refusal`."""
    stop: str | None = None
    """The stop sequence that ended it."""


Step = Piece | Call | Done


class Failed(Exception):
    """The answer ends with an error, because the request asked for one."""


class BrokenOff(Exception):
    """The answer ends without a word, because the request asked for that."""


def answers(ask: Ask, library: Library) -> Iterator[list[Step]]:
    """What is said at the same time in each of the `n` answers, in turns: one token of each."""
    said_before = "\n".join(f" {turn.text}" for turn in ask.turns if turn.role == "assistant")
    topic = library.topic(_weighted(ask), said_before)
    speakers = [_answer(ask, library, topic, index) for index in range(ask.n)]
    said = 0
    while speakers:
        if ask.fails_after == said:
            raise Failed
        if ask.breaks_after == said:
            raise BrokenOff
        steps = [(speaker, next(speaker)) for speaker in speakers]
        speakers = [speaker for speaker, own in steps if not isinstance(own[-1], Done)]
        yield [step for _, own in steps for step in own]
        said += 1


def is_spoken(ask: Ask) -> bool:
    """The answer is a text, neither a tool call nor a refusal."""
    return not called_tools(ask) and not _is_refused(ask.turns)


def _answer(ask: Ask, library: Library, topic: Topic, index: int) -> Iterator[list[Step]]:
    """Steps of one answer, within its limit: lists that hold one token or the end."""
    spent = 0
    waiting: list[Step] = []
    for step in _unlimited(ask, library, topic, index):
        # Neither the beginning nor the end of something takes time.
        if isinstance(step, Call):
            waiting.append(step)
            continue
        if isinstance(step, Piece):
            if spent == ask.most:
                yield [*waiting, Done(index, "length")]
                return
            spent += 1
        yield [*waiting, step]
        waiting = []


def _unlimited(ask: Ask, library: Library, topic: Topic, index: int) -> Iterator[Step]:
    chance = ask.chance(index)
    latest = ask.turns[-1].text if ask.turns else ask.prompt
    if ask.thinks:
        titles = ", ".join(f'"{passage.title} ..."' for passage in topic.passages)
        for token in tokens_of(f"The passages that fit best begin with {titles}"):
            yield Piece(index, "thought", token)
    calls = called_tools(ask)
    for position, tool in enumerate(calls):
        yield Call(index, position, f"{chance.getrandbits(96):024x}", tool.name)
        for token in tokens_of(json.dumps(arguments(tool.parameters, latest), ensure_ascii=False)):
            yield Piece(index, "arguments", token)
    if calls:
        yield Done(index, "tools")
    elif _is_refused(ask.turns):
        for token in tokens_of("I do not talk about passwords."):
            yield Piece(index, "refusal", token)
        yield Done(index, "refusal")
    else:
        speech = Speech(library.ngrams, topic, ask.choosing, chance, ask.logprobs or 0)
        yield from _until_stop(index, _spoken(ask, speech, latest), ask.stop)


def _spoken(ask: Ask, speech: Speech, latest: str) -> Iterator[Said]:
    """A text, or JSON around it."""
    prompt = ask.prompt.rstrip()
    said = speech.after([START, *(tokens_of(f" {prompt}") if prompt else [])])
    if not prompt or prompt != ask.prompt:
        said = _without_space(said)
    kind = ask.format.get("type")
    if kind == "json_object":
        yield from _fixed('{"answer": "')
        for each in said:
            # The text has neither quotes nor backslashes.
            yield each
        yield from _fixed('"}')
    elif kind == "json_schema":
        schema = ask.format.get("json_schema", ask.format).get("schema", {})
        yield from _fixed(json.dumps(arguments(schema, latest), ensure_ascii=False))
    else:
        yield from said


def _without_space(said: Iterator[Said]) -> Iterator[Said]:
    """For where nothing is before the answer, or a space already."""
    for at, each in enumerate(said):
        top = [(token.lstrip(" "), logprob) for token, logprob in each.top]
        yield replace(each, token=each.token.lstrip(" "), top=top) if at == 0 else each


def _fixed(text: str) -> Iterator[Said]:
    """What follows from the request alone has the probability 1."""
    for token in tokens_of(text):
        yield Said(token, 0.0, [(token, 0.0)])


def _until_stop(index: int, said: Iterator[Said], stops: list[str]) -> Iterator[Step]:
    """Holds tokens back while they may be the beginning of a stop sequence, which is never said."""
    held: list[Said] = []
    for each in said:
        held.append(each)
        text = "".join(one.token for one in held)
        ends = [(text.find(stop), stop) for stop in stops if stop in text]
        if ends:
            at, stop = min(ends)
            yield from _before(index, held, at)
            yield Done(index, "stop", stop)
            return
        free = len(text) - max((_begun(text, stop) for stop in stops), default=0)
        while held and len(held[0].token) <= free:
            one = held.pop(0)
            free -= len(one.token)
            yield Piece(index, "text", one.token, one)
    for one in held:
        yield Piece(index, "text", one.token, one)
    yield Done(index, "stop")


def _before(index: int, held: list[Said], at: int) -> Iterator[Step]:
    for one in held:
        if at <= 0:
            return
        yield Piece(index, "text", one.token[:at], one)
        at -= len(one.token)


def _begun(text: str, stop: str) -> int:
    """Characters at a text's end with which the sequence begins."""
    return next((size for size in range(min(len(stop), len(text)), 0, -1) if text.endswith(stop[:size])), 0)


def _is_refused(turns: list[Turn]) -> bool:
    return bool(turns) and turns[-1].role == "user" and "password" in words_of(turns[-1].text)


def _weighted(ask: Ask) -> list[tuple[float, str]]:
    if not ask.turns:
        return [(1.0, ask.prompt)]
    *earlier, last = ask.turns
    return [*((_weights.get(turn.role, 0.1), turn.text) for turn in earlier), (1.0, last.text)]
