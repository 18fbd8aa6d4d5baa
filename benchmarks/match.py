"""One clip, all contenders: they run in turns, round after round, so that a slow minute hits all alike."""

from __future__ import annotations

import math
import shutil
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

from benchmarks.clips import Clip
from benchmarks.contenders import BALANCED, GIFSKI_100, GIFSKI_NEAR, ROOT, STEPS, Contender, Task
from benchmarks.measure import Failed, Usage, run
from benchmarks.quality import Quality, judge, make_reference, measure_banding

_HIGHEST_QUALITY = 100
_MAX_TRIES = 7
_USUAL_GROWTH = math.log(1.035)
_NEAR_ENOUGH = 1.01


@dataclass(frozen=True)
class Figures:
    """What one contender took and made of one clip: medians over the rounds, the highest memory of all."""

    label: str
    wall_s: float
    cpu_s: float
    peak_bytes: int
    walls_s: tuple[float, ...]
    bytes: int = 0
    quality: Quality | None = None


@dataclass(frozen=True)
class Match:
    """All figures of one clip by contender, why others are missing, and how banded the clip itself is."""

    clip: Clip
    own_cambi: float | None = None
    figures: dict[str, Figures] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


class Rounds:
    """Run the contenders on one clip in `folder`, which needs about 1 GB."""

    def __init__(self, clip: Clip, folder: Path, say: Callable[[str], None]) -> None:
        self._clip = clip
        self._folder = folder
        self._say = say
        self._usages: dict[str, list[Usage]] = {}
        self._this_round: dict[str, Usage] = {}
        self._near_quality = 0
        self._missing: dict[str, str] = {}

    def play(self, contenders: Iterable[Contender], rounds: int, every: int) -> Match:
        """Run everyone `rounds` times, then look at what the last round made."""
        field_of_play = list(contenders)
        for number in range(rounds):
            self._this_round = {}
            for contender in field_of_play:
                if contender.key not in self._missing:
                    self._say(f"{self._clip.name}: {contender.label}, round {number + 1} of {rounds}")
                    self._run(contender)
        reference, own_cambi = self._folder / "reference.nut", None
        if any(contender.draws for contender in field_of_play) and not self._clip.only_floor:
            own_cambi = measure_banding(make_reference(self._clip, reference), every)
        match = Match(self._clip, own_cambi, missing=self._missing)
        for contender in field_of_play:
            if contender.key not in self._missing:
                self._say(f"{self._clip.name}: looking at {contender.label}")
                self._sum_up(contender, reference, every, match)
        return match

    def _run(self, contender: Contender) -> None:
        try:
            if contender.key == GIFSKI_NEAR and not self._near_quality:
                self._near_quality = self._find_near_quality(contender)
            usage = self._cost(contender)
        except Failed as error:
            self._missing[contender.key] = f"failed: {error}"
        else:
            self._usages.setdefault(contender.key, []).append(usage)

    def _cost(self, contender: Contender, quality: int | None = None) -> Usage:
        """Return what a contender took in this round, with what it builds on; run what has not run yet."""
        quality = self._quality_of(contender) if quality is None else quality
        name = _name(contender, quality)
        base = self._cost(STEPS[contender.builds_on], 0) if contender.builds_on else None
        if name not in self._this_round:
            task = Task(self._clip, self._folder / name, self._folder / contender.builds_on, quality)
            shutil.rmtree(task.folder, ignore_errors=True)
            task.folder.mkdir()
            usages = [run(command, cwd=ROOT) for command in contender.commands(task)]
            self._this_round[name] = reduce(lambda before, now: now.after(before), usages)
        own = self._this_round[name]
        return own.after(base) if base else own

    def _quality_of(self, contender: Contender) -> int:
        return {GIFSKI_100: _HIGHEST_QUALITY, GIFSKI_NEAR: self._near_quality}.get(contender.key, 0)

    def _gif(self, contender: Contender) -> Path:
        return self._folder / _name(contender, self._quality_of(contender)) / "out.gif"

    def _find_near_quality(self, gifski: Contender) -> int:
        balanced = self._gif(STEPS[BALANCED])
        if BALANCED in self._missing or not balanced.exists():
            raise Failed("there is no size of Chromi balanced to come near to")

        def size_at(quality: int) -> int:
            self._cost(gifski, quality)
            return (self._folder / _name(gifski, quality) / "out.gif").stat().st_size

        return find_quality_above(balanced.stat().st_size, size_at)

    def _sum_up(self, contender: Contender, reference: Path, every: int, match: Match) -> None:
        usages, gif = self._usages[contender.key], self._gif(contender)
        size_bytes, quality = 0, None
        if contender.draws:
            size_bytes = gif.stat().st_size
            if reference.exists():
                try:
                    quality = judge(gif, reference, every)
                except Failed as error:
                    match.missing[contender.key] = f"its GIF cannot be compared: {error}"
                    return
        match.figures[contender.key] = Figures(
            self._label(contender, size_bytes, match),
            statistics.median(usage.wall_s for usage in usages),
            statistics.median(usage.cpu_s for usage in usages),
            max(usage.peak_bytes for usage in usages),
            tuple(usage.wall_s for usage in usages),
            size_bytes,
            quality,
        )

    def _label(self, contender: Contender, size_bytes: int, match: Match) -> str:
        if contender.key != GIFSKI_NEAR:
            return contender.label
        is_above = size_bytes >= match.figures[BALANCED].bytes
        place = "nearest above" if is_above else "its largest, still below"
        return f"gifski Q{self._near_quality}, {place} balanced"


def find_quality_above(wanted_bytes: int, size_at: Callable[[int], int]) -> int:
    """Return the lowest of gifski's qualities, 1 to 100, whose size is `wanted_bytes` or more.

    100 where even that is smaller. Each try takes gifski half a minute, so a size at most 1 % too large
    is near enough: one step of quality is 3 %.
    """
    sizes = {_HIGHEST_QUALITY: size_at(_HIGHEST_QUALITY)}
    below, above = 0, _HIGHEST_QUALITY
    if sizes[above] < wanted_bytes:
        return above
    for number in range(_MAX_TRIES):
        if above - below <= 1 or sizes[above] <= wanted_bytes * _NEAR_ENOUGH:
            break
        quality = (below + above) // 2 if number % 2 else _guess(wanted_bytes, sizes, below, above)
        sizes[quality] = size_at(quality)
        if sizes[quality] >= wanted_bytes:
            above = quality
        else:
            below = quality
    return above


def _guess(wanted_bytes: int, sizes: dict[int, int], below: int, above: int) -> int:
    """Return a quality between: sizes grow by about the same factor from one quality to the next."""
    growth = _USUAL_GROWTH
    if below in sizes:
        growth = math.log(sizes[above] / sizes[below]) / (above - below)
    steps = math.log(sizes[above] / wanted_bytes) / growth
    return min(max(above - round(steps), below + 1), above - 1)


def _name(contender: Contender, quality: int) -> str:
    return f"gifski-{quality}" if quality else contender.key
