"""Compare the encoder with other tools: `make bench`, or `python -m benchmarks.encoder [CLIP or folder ...]`.

See benchmarks/README.md for what is compared and how.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import chart, peers
from benchmarks.clips import ClipSkipped, default_clips, find_clips, open_clip
from benchmarks.comparison import ComparisonRunner
from benchmarks.quality import Sampling
from benchmarks.report import Report, clip_table, target_table
from benchmarks.summary import summarize
from benchmarks.tools import GIFSKI, OPTIONAL, TOOLS, Tool, select_tools

RESULTS = Path(__file__).with_name("results")


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parse_options(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end as on Ctrl-C, and remove temporary files
    selected = [tool for tool in TOOLS if tool.key in options.only]
    paths = list(find_clips(options.clips)) or default_clips()
    installed = peers.install(sorted({tool.peer for tool in selected if tool.peer}))
    versions = peers.builtin_versions() | installed.versions
    sampling = Sampling(options.every, options.ssimulacra2_every)
    report = Report(options.rounds, sampling, os.cpu_count() or 1, versions, missing=installed.missing)
    for path in paths:
        compare(path, selected, report)
        write(report, options.results)
    print(f"\n{target_table(report.comparisons)}\n")
    for name, reason in (report.missing | report.skipped).items():
        print(f"- {name}: {reason}")
    print(f"Written to {options.results}")


def compare(path: Path, tools: Sequence[Tool], report: Report) -> None:
    """Run the tools on one clip and add the comparison to the report. Skips clips that cannot be used."""
    with tempfile.TemporaryDirectory(prefix="chromi-bench-") as folder:
        try:
            clip = open_clip(path, Path(folder))
        except ClipSkipped as reason:
            report.skipped[path.name] = str(reason)
            print(f"{path.name} is skipped: {reason}", flush=True)
            return
        selected = select_tools(clip, [tool.key for tool in tools])
        present = [tool for tool in selected if tool.peer not in report.missing]
        comparison = ComparisonRunner(clip, Path(folder), _print_progress).run(
            present, report.rounds, report.sampling
        )
        for tool in selected:
            if tool.peer in report.missing:
                comparison.missing[tool.key] = report.missing[tool.peer]
    report.comparisons.append(comparison)
    print(f"\n{clip.name}\n{clip_table(comparison)}\n", flush=True)


def write(report: Report, folder: Path) -> None:
    """Write results.json, results.md, summary.md and size-quality.png into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    results = report.to_dict()
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "summary.md").write_text(summarize(results))
    (folder / "results.md").write_text(report.to_markdown())
    chart.write_chart(report.comparisons, folder / "size-quality.png")


def _print_progress(message: str) -> None:
    print(f"  {message}", file=sys.stderr, flush=True)


def _parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    keys = [tool.key for tool in TOOLS]
    default, sampling = [key for key in keys if key not in OPTIONAL], Sampling()
    parser = argparse.ArgumentParser(prog="make bench", description="Compare the encoder with other tools.")
    parser.add_argument("clips", nargs="*", type=Path, help="clips or folders (default: generated clips)")
    parser.add_argument("--only", type=_split_keys, default=default, help=f"gifski,{','.join(keys)}")
    parser.add_argument("--rounds", type=int, default=1, help="how often each tool runs; the median counts")
    parser.add_argument(
        "--every", type=int, default=sampling.every, help="measure VMAF of one frame in this many"
    )
    parser.add_argument(
        "--ssimulacra2-every",
        type=int,
        default=sampling.ssimulacra2_every,
        help="measure SSIMULACRA2 of one frame in this many",
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    options = parser.parse_args(arguments)
    if unknown := set(options.only) - set(keys):
        parser.error(f"--only accepts {', '.join(keys)}, not {', '.join(sorted(unknown))}")
    if min(options.rounds, options.every, options.ssimulacra2_every) < 1:
        parser.error("--rounds, --every and --ssimulacra2-every must be at least 1")
    return options


def _split_keys(text: str) -> list[str]:
    """Return the keys in a comma-separated list. `gifski` selects all of its qualities."""
    return [key for name in text.split(",") for key in (GIFSKI if name == "gifski" else [name])]


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped; the results contain the finished clips")
