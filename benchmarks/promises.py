"""What Chromi promises beside other tools, held against what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.contenders import (
    BALANCED,
    BEST,
    FLOOR,
    GIFSKI_100,
    GIFSKI_NEAR,
    MOVIEPY,
    ONE_THREAD,
    PLAIN,
    SMALL,
)
from benchmarks.match import Figures, Match

BUDGET_BYTES = 30_000_000
"""`balanced` stays below it; where the plain way is so large that this binds, other promises hold."""

_PLAIN_SHARE = 0.85


@dataclass(frozen=True)
class Promise:
    """One line that holds or does not; `measured` is None where a tool that it needs is missing."""

    clip: str
    against: str
    what: str
    unit: str
    measured: float | None
    limit: float
    needs: tuple[str, ...] = ()
    is_floor: bool = False
    is_difference: bool = False

    @property
    def is_held(self) -> bool | None:
        if self.measured is None:
            return None
        if self.is_floor:
            return self.measured >= self.limit
        return self.measured < self.limit if self.limit == 0 else self.measured <= self.limit

    @property
    def said(self) -> str:
        """Return what was measured, in words."""
        if self.measured is None:
            return "not measured"
        if self.is_difference:
            return f"{abs(self.measured):.2f}{self.unit} {'lower' if self.measured > 0 else 'higher'}"
        return f"{self.measured:.{1 if self.unit == ' MB' else 2}f}{self.unit}"


def check(match: Match) -> list[Promise]:
    """Return every promise that is about this clip, without those whose tools nobody asked for."""
    asked = match.figures.keys() | match.missing.keys()
    return [promise for promise in _all(match) if asked.issuperset(promise.needs)]


def _all(match: Match) -> Iterator[Promise]:
    if match.clip.only_floor:
        yield from _floor(match)
    else:
        yield from _over_budget(match) if budget_binds(match) else _usual(match)
        yield from _best(match)
    yield from _memory(match)


def budget_binds(match: Match) -> bool:
    plain = match.figures.get(PLAIN)
    return plain is not None and plain.bytes * _PLAIN_SHARE > BUDGET_BYTES


class _Pair:
    """Two contenders on one clip: `ours` and `theirs`; every figure is None if one of them is missing."""

    def __init__(self, match: Match, ours: str, theirs: str, against: str) -> None:
        self._clip = match.clip.name
        self._ours = match.figures.get(ours)
        self._theirs = match.figures.get(theirs)
        self._needs = (ours, theirs)
        self._against = against

    def times(self, what: str, name: str, limit: float) -> Promise:
        """Ours must be at most `limit` times theirs."""
        pair = self._both(name)
        times = pair and pair[0] / pair[1]
        return Promise(
            self._clip, self._against, f"{what} at most {limit:g}×", "×", times, limit, self._needs
        )

    def lower(self, what: str, name: str, limit: float, unit: str = "") -> Promise:
        """Ours may be at most `limit` lower than theirs; a negative limit asks for more than theirs."""
        pair = self._both(name)
        sense = f"at most {limit:g}{unit} lower" if limit > 0 else "higher"
        sense = f"at least {-limit:g}{unit} higher" if limit < 0 else sense
        below = pair and pair[1] - pair[0]
        return Promise(
            self._clip, self._against, f"{what} {sense}", unit, below, limit, self._needs, is_difference=True
        )

    def _both(self, name: str) -> tuple[float, float] | None:
        if not self._ours or not self._theirs:
            return None
        return _value(self._ours, name), _value(self._theirs, name)


def _value(figures: Figures, name: str) -> float:
    return float(getattr(figures.quality if name in ("vmaf", "blurred_psnr_db") else figures, name))


def _usual(match: Match) -> Iterator[Promise]:
    plain = _Pair(match, BALANCED, PLAIN, "plain two passes")
    yield plain.times("wall", "wall_s", 0.5)
    yield plain.times("bytes", "bytes", _PLAIN_SHARE)
    yield plain.lower("VMAF", "vmaf", 0.3)
    yield plain.lower("blurred PSNR", "blurred_psnr_db", 1.5, " dB")
    gifski = _Pair(match, BALANCED, GIFSKI_NEAR, "gifski, nearest above")
    yield gifski.times("wall", "wall_s", 0.3)
    yield gifski.times("bytes", "bytes", 1.0)
    yield gifski.lower("VMAF", "vmaf", 0)
    yield gifski.lower("blurred PSNR", "blurred_psnr_db", 0.5, " dB")
    moviepy = _Pair(match, BALANCED, MOVIEPY, "MoviePy")
    yield moviepy.times("wall", "wall_s", 0.7)
    yield moviepy.times("bytes", "bytes", 0.75)
    yield moviepy.lower("VMAF", "vmaf", -15)


def _over_budget(match: Match) -> Iterator[Promise]:
    balanced = match.figures.get(BALANCED)
    size_mb = balanced.bytes / 1e6 if balanced else None
    vmaf = balanced.quality.vmaf if balanced and balanced.quality else None
    name, budget_mb = match.clip.name, BUDGET_BYTES / 1e6
    yield Promise(name, "the budget", f"under {budget_mb:g} MB", " MB", size_mb, budget_mb, (BALANCED,))
    yield Promise(name, "the budget", "VMAF at least 88", "", vmaf, 88, (BALANCED,), is_floor=True)
    yield _Pair(match, BALANCED, PLAIN, "plain two passes").times("wall", "wall_s", 0.5)
    gifski = _Pair(match, BALANCED, GIFSKI_NEAR, "gifski, nearest above")
    yield gifski.times("wall", "wall_s", 0.3)
    yield gifski.lower("VMAF", "vmaf", 0)


def _best(match: Match) -> Iterator[Promise]:
    plain = _Pair(match, BEST, PLAIN, "best, plain two passes")
    yield plain.lower("blurred PSNR", "blurred_psnr_db", 0, " dB")
    yield plain.times("bytes", "bytes", 1.0)
    gifski = _Pair(match, BEST, GIFSKI_100, "best, gifski Q100")
    yield gifski.lower("blurred PSNR", "blurred_psnr_db", 2, " dB")
    yield gifski.times("bytes", "bytes", 1.0)
    yield gifski.times("wall", "wall_s", 0.5)


def _floor(match: Match) -> Iterator[Promise]:
    yield _Pair(match, BALANCED, FLOOR, "floor").times("wall", "wall_s", 1.3)


def _memory(match: Match) -> Iterator[Promise]:
    """Full HD H.264 and the large clip have a limit each; of others nothing is promised."""
    limits_mb: dict[str, float] = {}
    if match.clip.only_floor:
        limits_mb = {BALANCED: 350, ONE_THREAD: 300}
    elif match.clip.is_full_hd_h264:
        limits_mb = {SMALL: 200, BALANCED: 200, BEST: 200}
    for key, limit_mb in limits_mb.items():
        figures = match.figures.get(key)
        peak_mb = figures.peak_bytes / 1e6 if figures else None
        what = f"{key.replace('-', ' ')} takes at most {limit_mb:g} MB"
        yield Promise(match.clip.name, "memory", what, " MB", peak_mb, limit_mb, (key,))
