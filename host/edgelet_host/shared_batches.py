"""Runs batches on worker threads, and those that wait together as one where it changes no vector.

Many callers with one text each, such as functions in a sandbox, keep an engine busy with batches of
one. While all threads are busy, batches wait; when one is free it takes the first and, with it,
all that have the same model, output and number of tokens in every text. Texts of one length need no
padding and no mask, and their vectors come out bit for bit as if each had been alone (held by
`tests/host/test_shared_batches.py`). Nothing waits for company while a thread is free.
"""

from __future__ import annotations

import threading
from array import array
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from edgelet.effects import RunModel

MOST_TOKENS = 512
"""Tokens that run together at most: more would leave the processor's cache."""

Values = memoryview


@dataclass(slots=True)
class _Waiting:
    """A batch and whoever waits for it."""

    effect: RunModel
    done: Future[Values] = field(default_factory=Future)

    def tokens_each(self) -> int | None:
        """How many tokens each text has, if all have the same."""
        lengths = self.effect.lengths
        first = lengths[0] if lengths else None
        return first if all(length == first for length in lengths) else None


class SharedBatches:
    """Runs batches on so many threads, which are started when they are needed."""

    def __init__(self, threads: int) -> None:
        self._most = threads
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="edgelet")
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._working = 0
        self._unanswered = 0

    @property
    def idle(self) -> bool:
        """Whether nothing runs and nothing waits."""
        return not self._unanswered

    def run(self, effect: RunModel) -> Future[Values]:
        """Run a batch; the future gives its values, or raises what the engine raises."""
        waiting = _Waiting(effect)
        # The first to hear of the answer: whoever gets it finds this idle, if nothing else waits.
        waiting.done.add_done_callback(self._answered)
        with self._lock:
            self._unanswered += 1
            self._waiting.append(waiting)
            if self._working < self._most:
                self._working += 1
                self._threads.submit(self._work)
        return waiting.done

    def _answered(self, _: Future[Values]) -> None:
        with self._lock:
            self._unanswered -= 1

    def _work(self) -> None:
        while together := self._taken():
            running = [each for each in together if each.done.set_running_or_notify_cancel()]
            if len(running) > 1 and _run_together(running):
                continue
            for each in running:  # one alone; or one of them is bad, and each answers for itself
                _run(each)

    def _taken(self) -> list[_Waiting]:
        """The batches that are to run next; none when nothing waits, and the thread is free."""
        with self._lock:
            if not self._waiting:
                self._working -= 1
                return []
            first = self._waiting.popleft()
            length = first.tokens_each()
            if length is None:
                return [first]
            taken, left, tokens = [first], deque[_Waiting](), len(first.effect.token_ids)
            for each in self._waiting:
                more = len(each.effect.token_ids)
                if tokens + more <= MOST_TOKENS and _alike(first, each, length):
                    taken.append(each)
                    tokens += more
                else:
                    left.append(each)
            self._waiting = left
            return taken


def _alike(first: _Waiting, other: _Waiting, length: int) -> bool:
    one, two = first.effect, other.effect
    return one.handle is two.handle and one.output == two.output and other.tokens_each() == length


def _run(waiting: _Waiting) -> None:
    effect = waiting.effect
    try:
        values = effect.handle.run(effect.token_ids, effect.lengths, effect.output, effect.alone)
    except BaseException as error:  # whoever waits must learn of it
        waiting.done.set_exception(error)
    else:
        waiting.done.set_result(values)


def _run_together(batches: list[_Waiting]) -> bool:
    """Run several as one; False, and nothing is answered, when that fails."""
    token_ids, lengths = array("i"), array("i")
    for each in batches:
        token_ids += each.effect.token_ids
        lengths += each.effect.lengths
    effect = batches[0].effect
    try:
        values = effect.handle.run(token_ids, lengths, effect.output, False)
    except Exception:
        return False
    size, begin = len(values) // len(lengths), 0
    for each in batches:
        end = begin + size * len(each.effect.lengths)
        each.done.set_result(values[begin:end])
        begin = end
    return True
