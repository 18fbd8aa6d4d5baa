"""Format the results as Markdown tables and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.clips import WINDOW_S
from benchmarks.comparison import Comparison, Measurement
from benchmarks.equal_bytes import NotMeasured, interpolate_gifski
from benchmarks.quality import Sampling
from benchmarks.targets import check_targets, is_calm
from benchmarks.tools import BALANCED, BEST, GIFSKI, SMALL, STEPS

NONE = "–"
HEADINGS = (
    *(
        "tool",
        "wall s",
        "×",
        "CPU s",
        "peak MB",
        "MB",
        "×",
        "SSIMULACRA2",
        "Δ",
        "worst",
        "flicker",
        "VMAF",
        "Δ",
    ),
    *("cambi", "PSNR dB", "colors", "fps", "plays s"),
)
EXPLANATION = (
    "× and Δ compare with Chromi balanced. SSIMULACRA2 and VMAF are similarity to the clip, up to 100; worst "
    "is the lowest SSIMULACRA2 of a frame. Flicker is the change from frame to frame where the clip is "
    "still, in levels. PSNR is measured after a blur of 1.5 px, because the eye blends the dots of a dither "
    "into one color; cambi is banding, less is better. Colors is the largest number in a compared frame; fps "
    "counts different frames. Peak memory is that of all processes of a tool, with shared pages counted once."
)
EQUAL_BYTES_HEADINGS = (
    *("gifski at the bytes of", "MB", "SSIMULACRA2", "Chromi", "VMAF", "Chromi", "wall s", "Chromi"),
    *("CPU s", "Chromi", "note"),
)


@dataclass
class Report:
    """All results of one run of the benchmark."""

    rounds: int
    sampling: Sampling
    cores: int
    versions: Mapping[str, str]
    comparisons: list[Comparison] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the results for JSON, in bytes, seconds and dB, without details of the machine."""
        return {
            "settings": {
                "rounds": self.rounds,
                "every": self.sampling.every,
                "ssimulacra2_every": self.sampling.ssimulacra2_every,
                "window_s": WINDOW_S,
                "cores": self.cores,
            },
            "versions": dict(self.versions),
            "missing": self.missing,
            "skipped": self.skipped,
            "clips": [_comparison_to_dict(comparison) for comparison in self.comparisons],
        }

    def to_markdown(self) -> str:
        parts = [f"{self._conditions()}\n\n{EXPLANATION}"]
        parts += [
            f"### {comparison.clip.name}\n\n{clip_table(comparison)}{equal_bytes_table(comparison)}"
            for comparison in self.comparisons
        ]
        parts.append(f"### Where another tool is better\n\n{missed_targets(self.comparisons)}")
        parts.append(f"### Targets\n\n{target_table(self.comparisons)}")
        left_out = [*_lines("Missing", self.missing), *_lines("Skipped", self.skipped)]
        return "\n\n".join([*parts, *left_out]) + "\n"

    def _conditions(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        rounds = "one round" if self.rounds == 1 else f"medians of {self.rounds} rounds"
        sampling = self.sampling
        return (
            f"Six seconds of each clip to 1280x720 at 24 fps, {rounds}, {self.cores} cores; SSIMULACRA2 over "
            f"one frame in {sampling.ssimulacra2_every}, VMAF, cambi and PSNR over one in {sampling.every}. "
            f"{versions}."
        )


def clip_table(comparison: Comparison) -> str:
    """Return a table with one row per tool. The row of a missing tool says why."""
    reference = comparison.measurements.get(BALANCED)
    rows = [_row(measurement, reference) for measurement in comparison.measurements.values()]
    for key, reason in comparison.missing.items():
        rows.append([f"{STEPS[key].label}: {reason}", *[NONE] * (len(HEADINGS) - 1)])
    note = f"{_describe(comparison)}\n\n"
    return note + table(HEADINGS, rows)


def equal_bytes_table(comparison: Comparison) -> str:
    """Return a table of gifski at the sizes of Chromi's GIFs, after an empty line. Empty without gifski."""
    if not comparison.measurements.keys() & set(GIFSKI):
        return ""
    rows = []
    for key in (SMALL, BALANCED, BEST):
        ours = comparison.measurements.get(key)
        if not ours or not ours.quality:
            continue
        try:
            gifski = interpolate_gifski(comparison, key)
        except NotMeasured as reason:
            cells = [f"{ours.bytes / 1e6:.2f}", *[NONE] * (len(EQUAL_BYTES_HEADINGS) - 3), str(reason)]
        else:
            figures = (
                *(gifski.ssimulacra2, ours.quality.ssimulacra2, gifski.vmaf, ours.quality.vmaf),
                *(gifski.wall_s, ours.wall_s, gifski.cpu_s, ours.cpu_s),
            )
            cells = [f"{gifski.bytes / 1e6:.2f}", *(f"{figure:.2f}" for figure in figures), gifski.note]
        rows.append([ours.label, *cells])
    return f"\n\n{table(EQUAL_BYTES_HEADINGS, rows)}" if rows else ""


def missed_targets(comparisons: Sequence[Comparison]) -> str:
    """Return a list of all targets that are not met."""
    lines = [
        f"- {target.clip}, {target.baseline}: {target.requirement}; measured {target.measured_text}"
        for comparison in comparisons
        for target in check_targets(comparison)
        if target.is_met is False
    ]
    return "\n".join(lines) or "All targets that were measured are met."


def target_table(comparisons: Sequence[Comparison]) -> str:
    """Return a table of all targets and whether they are met."""
    verdicts = {True: "met", False: "**NOT met**", None: NONE}
    rows = [
        [target.clip, target.baseline, target.requirement, target.measured_text, verdicts[target.is_met]]
        for comparison in comparisons
        for target in check_targets(comparison)
    ]
    return table(("clip", "compared with", "target", "measured", ""), rows)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with aligned columns."""
    widths = [max(len(row[column]) for row in (headings, *rows)) for column in range(len(headings))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in (headings, *rows)
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join((lines[0], rule, *lines[1:]))


def _row(measurement: Measurement, balanced: Measurement | None) -> list[str]:
    quality, other = measurement.quality, balanced.quality if balanced else None
    cells = [
        measurement.label,
        f"{measurement.wall_s:.2f}",
        f"{measurement.wall_s / balanced.wall_s:.2f}" if balanced else NONE,
        f"{measurement.cpu_s:.2f}",
        f"{measurement.peak_bytes / 1e6:.0f}",
        f"{measurement.bytes / 1e6:.2f}" if measurement.bytes else NONE,
        f"{measurement.bytes / balanced.bytes:.2f}" if measurement.bytes and balanced else NONE,
    ]
    if not quality:
        return cells + [NONE] * (len(HEADINGS) - len(cells))
    return [
        *cells,
        f"{quality.ssimulacra2:.2f}",
        f"{quality.ssimulacra2 - other.ssimulacra2:+.2f}" if other else NONE,
        f"{quality.ssimulacra2_min:.2f}",
        NONE if quality.flicker is None else f"{quality.flicker:.2f}",
        f"{quality.vmaf:.2f}",
        f"{quality.vmaf - other.vmaf:+.2f}" if other else NONE,
        f"{quality.cambi:.2f}",
        f"{quality.blurred_psnr_db:.2f}",
        str(quality.colors),
        f"{quality.fps:.1f}",
        f"{quality.duration_s:.2f}",
    ]


def _describe(comparison: Comparison) -> str:
    info = comparison.clip.info
    rate = f"{info.fps:g} fps" if info.fps else "no fixed rate"
    facts = [f"{info.width_px}x{info.height_px}, {rate}, {info.codec}, from {comparison.clip.start_s:g} s"]
    facts += [comparison.clip.note] if comparison.clip.note else []
    if comparison.reference_cambi is not None:
        facts.append(f"cambi of the clip {comparison.reference_cambi:.2f}")
    facts += ["calm"] if is_calm(comparison) else []
    return "; ".join(facts) + "."


def _lines(title: str, reasons: Mapping[str, str]) -> list[str]:
    return ["\n".join(f"- {title}: {name}: {reason}" for name, reason in reasons.items())] if reasons else []


def _comparison_to_dict(comparison: Comparison) -> dict[str, Any]:
    targets = [asdict(target) | {"is_met": target.is_met} for target in check_targets(comparison)]
    return {
        "name": comparison.clip.name,
        "clip": comparison.clip.to_dict(),
        "reference_cambi": comparison.reference_cambi,
        "is_calm": is_calm(comparison),
        "tools": {key: asdict(measurement) for key, measurement in comparison.measurements.items()},
        "gifski_at_equal_bytes": {
            key: _equal_bytes_to_dict(comparison, key) for key in (SMALL, BALANCED, BEST)
        },
        "missing": comparison.missing,
        "targets": targets,
    }


def _equal_bytes_to_dict(comparison: Comparison, key: str) -> dict[str, Any]:
    try:
        return asdict(interpolate_gifski(comparison, key))
    except NotMeasured as reason:
        return {"not_measured": str(reason)}
