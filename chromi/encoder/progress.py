"""How far a conversion is, and when it must end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chromi.encoder.encoder_errors import Cancelled, TimedOut
from chromi.i18n import Message

READING = Message("Reading your clip")
CHOOSING = Message("Choosing colors")
DRAWING = Message("Drawing the GIF")
SHRINKING = Message("Making it smaller")
CHECKING = Message("Checking the result")


@dataclass(frozen=True)
class Progress:
    """How far a conversion is: step reading, choosing, encoding or checking; fraction 0 to 1 of the whole."""

    step: str
    fraction: float
    message: str


class ProgressTracker:
    """Report progress that never goes back; end the conversion when it should stop or takes too long."""

    def __init__(
        self, on_progress: Callable[[Progress], None], should_stop: Callable[[], bool], timeout_s: float
    ) -> None:
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._deadline = time.monotonic() + timeout_s
        self.fraction = 0.0
        self.seconds: dict[str, float] = {}

    @property
    def left_s(self) -> float:
        return self._deadline - time.monotonic()

    def report(self, step: str, fraction: float, message: str) -> None:
        """Pass progress on. Raises Cancelled and TimedOut, here and nowhere else."""
        self.fraction = min(1.0, max(self.fraction, fraction))
        self._on_progress(Progress(step, self.fraction, message))
        if self._should_stop():
            raise Cancelled
        if self.left_s <= 0:
            raise TimedOut(detail=f"out of time while {step}")

    @contextmanager
    def timing(self, step: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.seconds[step] = round(time.monotonic() - start, 3)
