"""Track a conversion's progress, deadline and cancellation."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chromi.encoder.encoder_errors import Cancelled, TimedOut
from chromi.i18n import Message

READING = Message("Reading your video")
CHOOSING = Message("Choosing colors")
RENDERING = Message("Rendering the GIF")
SHRINKING = Message("Making it smaller")
CHECKING = Message("Checking the result")


@dataclass(frozen=True)
class Progress:
    """The current step (reading, choosing, encoding or checking) and the overall fraction done, 0 to 1."""

    step: str
    fraction: float
    message: str


class ProgressTracker:
    """Reports progress that never decreases, and ends the conversion when it is canceled or times out."""

    def __init__(
        self, on_progress: Callable[[Progress], None], should_stop: Callable[[], bool], timeout_s: float
    ) -> None:
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._deadline = time.monotonic() + timeout_s
        self.fraction = 0.0
        self.durations_s: dict[str, float] = {}

    @property
    def remaining_s(self) -> float:
        """Seconds until the deadline; negative after it has passed."""
        return self._deadline - time.monotonic()

    def report(self, step: str, fraction: float, message: str) -> None:
        """Report progress. Raises Cancelled and TimedOut; no other code checks for these."""
        self.fraction = min(1.0, max(self.fraction, fraction))
        self._on_progress(Progress(step, self.fraction, message))
        if self._should_stop():
            raise Cancelled
        if self.remaining_s <= 0:
            raise TimedOut(detail=f"timed out in step {step}")

    @contextmanager
    def measure_duration(self, step: str) -> Iterator[None]:
        """Record in `durations_s` how long the body of the `with` block takes."""
        start = time.monotonic()
        yield
        self.durations_s[step] = round(time.monotonic() - start, 3)
