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
from benchmarks.clips import Skipped, default_clips, find_clips, open_clip
from benchmarks.contenders import CONTENDERS, Contender, for_clip
from benchmarks.match import Rounds
from benchmarks.report import Report, clip_table, promise_table
from benchmarks.summary import summarise

RESULTS = Path(__file__).with_name("results")


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # to end as Ctrl-C does, leaving nothing behind
    wanted = [contender for contender in CONTENDERS if contender.key in options.only]
    paths = list(find_clips(options.clips)) or default_clips()
    found = peers.install(sorted({contender.peer for contender in wanted if contender.peer}))
    versions = peers.base_versions() | found.versions
    report = Report(options.rounds, options.every, os.cpu_count() or 1, versions, missing=found.missing)
    for path in paths:
        compare(path, wanted, report)
        write(report, options.results)
    print(f"\n{promise_table(report.matches)}\n")
    for name, reason in (report.missing | report.skipped).items():
        print(f"- {name}: {reason}")
    print(f"Written to {options.results}")


def compare(path: Path, wanted: Sequence[Contender], report: Report) -> None:
    """Run the contenders on one clip and add what they did to the report; skip a clip that cannot be used."""
    with tempfile.TemporaryDirectory(prefix="chromi-bench-") as folder:
        try:
            clip = open_clip(path, Path(folder))
        except Skipped as reason:
            report.skipped[path.name] = str(reason)
            print(f"{path.name} is skipped: {reason}", flush=True)
            return
        playing = for_clip(clip, [contender.key for contender in wanted])
        present = [contender for contender in playing if contender.peer not in report.missing]
        match = Rounds(clip, Path(folder), _say).play(present, report.rounds, report.every)
        for contender in playing:
            if contender.peer in report.missing:
                match.missing[contender.key] = report.missing[contender.peer]
    report.matches.append(match)
    print(f"\n{clip.name}\n{clip_table(match)}\n", flush=True)


def write(report: Report, folder: Path) -> None:
    """Write results.json, results.md, summary.md and size-quality.png into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    found = report.to_dict()
    (folder / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (folder / "summary.md").write_text(summarise(found))
    (folder / "results.md").write_text(report.to_markdown())
    chart.draw(report.matches, folder / "size-quality.png")


def _say(message: str) -> None:
    print(f"  {message}", file=sys.stderr, flush=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    keys = [contender.key for contender in CONTENDERS]
    parser = argparse.ArgumentParser(prog="make bench", description="Compare the encoder with other tools.")
    parser.add_argument("clips", nargs="*", type=Path, help="clips or folders; without any, five are made")
    parser.add_argument("--only", type=lambda text: text.split(","), default=keys, help=",".join(keys))
    parser.add_argument("--rounds", type=int, default=1, help="how often each runs; the median counts")
    parser.add_argument("--every", type=int, default=1, help="look at one frame in so many; 1 is all")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    options = parser.parse_args(arguments)
    if unknown := set(options.only) - set(keys):
        parser.error(f"--only knows {', '.join(keys)}, not {', '.join(sorted(unknown))}")
    if options.rounds < 1 or options.every < 1:
        parser.error("--rounds and --every are 1 or more")
    return options


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped; the clips that were finished are in the results")
