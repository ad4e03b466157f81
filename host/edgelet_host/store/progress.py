"""What the store tells the one who waits for it.

Events are values; who shows them, and how, is not known here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Step = Literal["waiting", "downloading", "checking", "building"]
"""What is going on: another process works on the same model; bytes arrive; they are hashed; the
builder makes the artefact."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One event of a pull or a build.

    `model` is the model's canonical name. `file` is the file in hand, relative to the model's
    folder, or "" where there is none. `done_bytes` of `total_bytes` of that file are done;
    `total_bytes` is None when it is not known. `message` is a sentence for a person, for the steps
    that have no file.
    """

    model: str
    step: Step
    file: str = ""
    done_bytes: int = 0
    total_bytes: int | None = None
    message: str = ""


Listener = Callable[[Progress], None]
"""Is called in the thread that works. What it raises stops the work and comes out of the store, so
a caller cancels by raising."""


class ListenerFailed(Exception):
    """Carries what a listener raised past those who would take it for a failure of their own."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True)
class Reporter:
    """Tells the listener, if there is one, of the work on one model.

    Raises `ListenerFailed` for an exception of the listener's.
    """

    model: str
    listener: Listener | None = None

    def bytes_done(self, step: Step, file: str, done_bytes: int, total_bytes: int | None) -> None:
        """So much of `file` is done."""
        self._tell(Progress(self.model, step, file, done_bytes, total_bytes))

    def say(self, step: Step, message: str) -> None:
        """A sentence for a person."""
        self._tell(Progress(self.model, step, message=message))

    def _tell(self, event: Progress) -> None:
        if self.listener is None:
            return
        try:
            self.listener(event)
        except Exception as error:
            raise ListenerFailed(error) from error
