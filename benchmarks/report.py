"""What was measured, as tables for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.clips import WINDOW_S
from benchmarks.contenders import BALANCED, STEPS
from benchmarks.match import Figures, Match
from benchmarks.promises import budget_binds, check

NONE = "–"
HEADINGS = (
    *("tool", "wall s", "×", "CPU s", "peak MB", "MB", "×", "VMAF", "Δ", "cambi", "PSNR dB", "Δ"),
    *("frames", "plays s"),
)
READ_ME = (
    "× and Δ compare with Chromi balanced. PSNR is taken after a blur of 1.5 px, as the eye takes dither's "
    "dots for the color that they mean; cambi is banding, less is better. Peak memory is that of all of a "
    "tool's processes together, shared pages counted once."
)


@dataclass
class Report:
    """All that one run of the benchmark found out."""

    rounds: int
    every: int
    cores: int
    versions: Mapping[str, str]
    matches: list[Match] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON has it: bytes, seconds and dB as measured, nothing about the machine."""
        return {
            "settings": {
                "rounds": self.rounds,
                "every": self.every,
                "window_s": WINDOW_S,
                "cores": self.cores,
            },
            "versions": dict(self.versions),
            "missing": self.missing,
            "skipped": self.skipped,
            "clips": [_match_to_dict(match) for match in self.matches],
        }

    def to_markdown(self) -> str:
        parts = [f"{self._conditions()}\n\n{READ_ME}"]
        parts += [f"### {match.clip.name}\n\n{clip_table(match)}" for match in self.matches]
        parts.append(f"### What is promised\n\n{promise_table(self.matches)}")
        left_out = [*_lines("Missing", self.missing), *_lines("Skipped", self.skipped)]
        return "\n\n".join([*parts, *left_out]) + "\n"

    def _conditions(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        rounds = "one round" if self.rounds == 1 else f"medians of {self.rounds} rounds"
        frames = "all frames" if self.every == 1 else f"one frame in {self.every}"
        return (
            f"Six seconds of each clip to 1280x720 at 24 fps, in turns, {rounds}, {self.cores} cores; "
            f"quality over {frames}. {versions}."
        )


def clip_table(match: Match) -> str:
    """Return one row for each contender, and one for each that is missing."""
    reference = match.figures.get(BALANCED)
    rows = [_row(figures, reference) for figures in match.figures.values()]
    for key, reason in match.missing.items():
        rows.append([f"{STEPS[key].label}: {reason}", *[NONE] * (len(HEADINGS) - 1)])
    note = f"{_facts(match)}\n\n"
    return note + table(HEADINGS, rows)


def promise_table(matches: Sequence[Match]) -> str:
    """Return whether each promise holds on each clip."""
    verdicts = {True: "held", False: "**NOT held**", None: "–"}
    rows = [
        [promise.clip, promise.against, promise.what, promise.said, verdicts[promise.is_held]]
        for match in matches
        for promise in check(match)
    ]
    return table(("clip", "against", "promised", "measured", ""), rows)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are aligned, so that it reads well as plain text too."""
    widths = [max(len(row[column]) for row in (headings, *rows)) for column in range(len(headings))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in (headings, *rows)
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join((lines[0], rule, *lines[1:]))


def _row(figures: Figures, balanced: Figures | None) -> list[str]:
    quality, other = figures.quality, balanced.quality if balanced else None
    cells = [
        figures.label,
        f"{figures.wall_s:.2f}",
        f"{figures.wall_s / balanced.wall_s:.2f}" if balanced else NONE,
        f"{figures.cpu_s:.2f}",
        f"{figures.peak_bytes / 1e6:.0f}",
        f"{figures.bytes / 1e6:.2f}" if figures.bytes else NONE,
        f"{figures.bytes / balanced.bytes:.2f}" if figures.bytes and balanced else NONE,
    ]
    if not quality:
        return cells + [NONE] * (len(HEADINGS) - len(cells))
    return [
        *cells,
        f"{quality.vmaf:.2f}",
        f"{quality.vmaf - other.vmaf:+.2f}" if other else NONE,
        f"{quality.cambi:.2f}",
        f"{quality.blurred_psnr_db:.2f}",
        f"{quality.blurred_psnr_db - other.blurred_psnr_db:+.2f}" if other else NONE,
        str(quality.frames),
        f"{quality.duration_s:.2f}",
    ]


def _facts(match: Match) -> str:
    info = match.clip.info
    rate = f"{info.fps:g} fps" if info.fps else "no fixed rate"
    facts = [f"{info.width_px}x{info.height_px}, {rate}, {info.codec}, from {match.clip.start_s:g} s"]
    facts += [match.clip.note] if match.clip.note else []
    if match.own_cambi is not None:
        facts.append(f"the clip's own cambi {match.own_cambi:.2f}")
    facts += ["the budget binds"] if budget_binds(match) else []
    return "; ".join(facts) + "."


def _lines(title: str, reasons: Mapping[str, str]) -> list[str]:
    return ["\n".join(f"- {title}: {name}: {reason}" for name, reason in reasons.items())] if reasons else []


def _match_to_dict(match: Match) -> dict[str, Any]:
    promises = [asdict(promise) | {"is_held": promise.is_held} for promise in check(match)]
    return {
        "name": match.clip.name,
        "clip": match.clip.facts(),
        "own_cambi": match.own_cambi,
        "budget_binds": budget_binds(match),
        "tools": {key: asdict(figures) for key, figures in match.figures.items()},
        "missing": match.missing,
        "promises": promises,
    }
