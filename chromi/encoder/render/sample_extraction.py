"""Copy the frames of a sample out of the file with all frames."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from chromi.encoder.process.ffmpeg import OUTPUT_FPS, QUIET, frames_input, run_ffmpeg
from chromi.encoder.process.subprocess_runner import ProcessLimits
from chromi.encoder.render.sample_frames import SampleFrames

_SET_TIMESTAMPS = f"setpts=N/TB/{OUTPUT_FPS}"


def extract_sample(
    frames_path: Path,
    sample: SampleFrames,
    numbers: Mapping[Path, Sequence[int]],
    *,
    limits: ProcessLimits,
    on_tick: Callable[[], None],
) -> None:
    """Write one or more files with the frames of the sample that have these numbers.

    `on_tick` is called ten times a second. Raises TimedOut and EncodeError.
    """
    run_ffmpeg(
        [*QUIET, *_arguments(frames_path, sample, numbers)],
        limits=limits,
        reads=(frames_path,),
        writes=tuple(numbers),
        on_tick=on_tick,
    ).check()


def select_frames(numbers: Sequence[int]) -> str:
    """Return the filter that passes the frames with these numbers."""
    return f"select='{'+'.join(f'eq(n,{number})' for number in numbers)}'"


def _arguments(frames_path: Path, sample: SampleFrames, numbers: Mapping[Path, Sequence[int]]) -> list[str]:
    inputs = [word for start in sample.run_starts for word in frames_input(frames_path, start)]
    trim = f"trim=end_frame={sample.offsets[-1] + 1},{select_frames(sample.offsets)}"
    count = len(sample.run_starts)
    runs = ";".join(f"[{run}:v:0]{trim},{_SET_TIMESTAMPS}[run{run}]" for run in range(count))
    all_runs = "".join(f"[run{run}]" for run in range(count))
    copies = "".join(f"[copy{copy}]" for copy in range(len(numbers)))
    graph = f"{runs};{all_runs}concat=n={count},split={len(numbers)}{copies}"
    outputs: list[str] = []
    for copy, (path, selected) in enumerate(numbers.items()):
        graph += f";[copy{copy}]{select_frames(selected)},{_SET_TIMESTAMPS}[file{copy}]"
        outputs += ["-map", f"[file{copy}]", "-c:v", "utvideo", "-fps_mode", "passthrough"]
        outputs += ["-f", "nut", "-y", str(path)]
    return [*inputs, "-filter_complex_threads", "1", "-filter_complex", graph, *outputs]
