"""Measure the quality of a GIF: SSIMULACRA2, flicker, VMAF, banding (cambi) and color (PSNR after a blur).

The reference is the same window of the clip, decoded by a separate, simple filtergraph and stored
losslessly. The GIF is stored at 24 frames per second too, each frame repeated for as long as it is shown. A
tool may start a frame earlier or later than another. Each GIF is therefore first aligned with the reference,
by up to two frames, where small gray copies of both match best.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from ssimulacra2 import compute_ssimulacra2

from benchmarks.clips import FFMPEG, FRAMES, WINDOW_S, Clip
from benchmarks.filters import COVER, FPS, HEIGHT_PX, TO_RGB, TO_YUV, WIDTH_PX
from benchmarks.measure import CommandFailed, run_and_capture

Frame = npt.NDArray[np.uint8]

BLUR_SIGMA_PX = 1.5
"""From a distance, the eye blends the dots of a dither into one color."""

FLICKER_PAIRS = 24
_BLOCK_PX, _MAX_STILL_CHANGE, _MIN_STILL_SHARE = 8, 1.0, 0.01
_MAX_OFFSET_FRAMES = 2
_EQUAL_DB = 0.05
_MAX_DURATION_ERROR = 0.02
_FULL_RATE_FPS = FPS - 1
_LOSSLESS = ("-c:v", "utvideo", "-f", "nut")
_FRAMECRC_LINE = re.compile(r"^0, *-?\d+, *-?\d+, *(\d+), *\d+, *(0x\w+)", re.MULTILINE)
_TIME_BASE = re.compile(r"^#tb 0: (\d+)/(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Sampling:
    """Which frames are compared: one in `every` for VMAF, cambi and PSNR, fewer for the slow SSIMULACRA2."""

    every: int = 4
    ssimulacra2_every: int = 24


@dataclass(frozen=True)
class Quality:
    """The quality of a GIF relative to its reference: means over its frames, PSNR of all planes in dB.

    `fps` is the number of different frames per second. `colors` is the largest number of colors in a compared
    frame. `flicker` is in levels, and None if the clip has no still areas. `offset_frames` is the number of
    the reference frame that the first frame of the GIF shows.
    """

    frames: int
    duration_s: float
    fps: float
    colors: int
    ssimulacra2: float
    ssimulacra2_min: float
    flicker: float | None
    vmaf: float
    vmaf_min: float
    cambi: float
    blurred_psnr_db: float
    offset_frames: int


@dataclass(frozen=True)
class ShownFrames:
    """What a GIF shows at each 1/24 s. `first_shown` has the number at which each of them first appears."""

    path: Path
    first_shown: Sequence[int]

    @property
    def fps(self) -> float:
        return len(set(self.first_shown)) * FPS / len(self.first_shown)


def make_reference(clip: Clip, path: Path) -> Path:
    """Decode the window of `clip` to `path`, losslessly, as BT.709."""
    graph = f"fps={FPS},trim=end_frame={FRAMES},{COVER}"
    source = ("-ss", f"{clip.start_s:g}", "-i", clip.path, "-map", "0:V:0", "-an")
    run_and_capture([FFMPEG, "-v", "error", "-nostdin", "-y", *source, "-vf", graph, *_LOSSLESS, path])
    return path


def measure_quality(gif: Path, reference: Path, sampling: Sampling) -> Quality:
    """Compare `gif` with the reference. Raises CommandFailed."""
    frames, duration_s = count_frames(gif)
    with tempfile.TemporaryDirectory(prefix="chromi-bench-") as folder:
        shown = expand(gif, Path(folder, "shown.nut"), duration_s)
        offset = find_offset(shown.path, reference)
        scores, colors = _measure_ssimulacra2(shown, reference, offset, sampling.ssimulacra2_every)
        flicker = measure_flicker(shown.path, reference, len(shown.first_shown), offset)
        vmaf, vmaf_min, cambi, psnr_db = _compare(shown.path, reference, offset, sampling.every)
    return Quality(
        frames,
        duration_s,
        round(shown.fps, 2),
        colors,
        sum(scores) / len(scores),
        min(scores),
        flicker,
        vmaf,
        vmaf_min,
        cambi,
        psnr_db,
        offset,
    )


def measure_banding(reference: Path, every: int = 1) -> float:
    """Return the cambi of the reference itself."""
    return _compare(reference, reference, 0, every)[2]


def count_frames(gif: Path) -> tuple[int, float]:
    """Return how many frames a GIF has and how many seconds they last."""
    text = run_and_capture([FFMPEG, "-v", "error", "-i", gif, "-c", "copy", "-f", "framecrc", "-"])
    base, durations = _TIME_BASE.search(text), [int(line[1]) for line in _FRAMECRC_LINE.finditer(text)]
    if not base or not durations:
        raise CommandFailed("it has no frames")
    return len(durations), round(sum(durations) * int(base[1]) / int(base[2]), 3)


def expand(gif: Path, path: Path, duration_s: float) -> ShownFrames:
    """Store what `gif` shows at each 1/24 s in `path`, losslessly.

    A GIF whose duration is wrong is compared by the numbers of its frames instead: MoviePy writes a delay of
    4/100 s for every frame, so the GIF plays too fast.
    """
    is_timed = abs(duration_s - WINDOW_S) <= WINDOW_S * _MAX_DURATION_ERROR
    by_time = f"fps={FPS},tpad=stop=-1:stop_mode=clone,trim=end_frame={FRAMES}"
    graph = f"{by_time if is_timed else _renumber(0)},format=gbrp,split[stored][listed]"
    text = run_and_capture(
        [
            *(FFMPEG, "-v", "error", "-nostdin", "-i", gif, "-filter_complex", graph),
            *("-map", "[stored]", "-fps_mode", "passthrough", *_LOSSLESS, path),
            *("-map", "[listed]", "-fps_mode", "passthrough", "-f", "framecrc", "-"),
        ]
    )
    checksums = [line[2] for line in _FRAMECRC_LINE.finditer(text)]
    first_shown = [0]
    for number, (before, checksum) in enumerate(pairwise(checksums), 1):
        first_shown.append(first_shown[-1] if checksum == before else number)
    return ShownFrames(path, first_shown)


def find_offset(shown: Path, reference: Path) -> int:
    """Return by how many frames the GIF is late (positive) in its best alignment, preferring 0."""
    offsets = range(-_MAX_OFFSET_FRAMES, _MAX_OFFSET_FRAMES + 1)
    psnrs_db = _measure_offsets(shown, reference, offsets)
    best_db = max(psnrs_db.values())
    return min((offset for offset in offsets if psnrs_db[offset] >= best_db - _EQUAL_DB), key=abs)


def sample_frames(count: int, every: int) -> list[int]:
    """Return one number in each `every` of `count`, at varying positions, so that no rhythm matters."""
    return [
        number
        for turn, first in enumerate(range(0, count, every))
        if (number := first + (7 * turn + 5) % every) < count
    ] or [0]


def _measure_ssimulacra2(
    shown: ShownFrames, reference: Path, offset: int, every: int
) -> tuple[list[float], int]:
    """Return the score of each sampled frame, and the largest number of colors in one of them.

    A frame is compared with the frame of the clip that it was made from. At fewer than 24 frames per second,
    a frame may appear at the time before or after; the most similar frame of the clip is its source.
    """
    first, end = max(0, -offset), min(len(shown.first_shown), FRAMES - offset)
    sampled = {shown.first_shown[first + number] for number in sample_frames(end - first, every)}
    numbers = sorted(number for number in sampled if number >= first)
    reach = 1 if shown.fps < _FULL_RATE_FPS else 0
    gif_frames = dict(zip(numbers, read_frames(shown.path, numbers), strict=True))
    near = range(offset - reach, offset + reach + 1)
    wanted = sorted({number + step for number in numbers for step in near} & set(range(FRAMES)))
    sources = dict(zip(wanted, read_frames(reference, wanted, TO_RGB), strict=True))
    pairs = []
    for number, frame in gif_frames.items():
        candidates = [
            sources[number + step]
            for step in sorted(near, key=lambda step: abs(step - offset))
            if number + step in sources
        ]
        differences = [_difference(source, frame) for source in candidates]
        pairs.append((candidates[differences.index(min(differences))], frame))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        scores = list(pool.map(lambda pair: float(compute_ssimulacra2(*map(_to_file, pair))), pairs))
    return scores, max(_count_colors(frame) for frame in gif_frames.values())


def _difference(source: Frame, frame: Frame) -> float:
    return float(np.abs(source[::4, ::4].astype(np.int16) - frame[::4, ::4]).mean())


def _to_file(frame: Frame) -> io.BytesIO:
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "PPM")
    return file


def _count_colors(frame: Frame) -> int:
    return len(Image.fromarray(frame).getcolors(frame.shape[0] * frame.shape[1]) or ())


def measure_flicker(shown: Path, reference: Path, count: int, offset: int) -> float | None:
    """Return by how many levels the GIF changes from frame to frame where the clip is still.

    Still are blocks of 8x8 pixels whose pixels change by less than a level on average. They must be still one
    frame earlier and later too, because a GIF with fewer frames shows changes late. Returns None if fewer
    than 1 % of the blocks are still.
    """
    first, end = max(0, -offset), min(count, FRAMES - offset)
    numbers = sorted({int(n) for n in np.linspace(first, end - 2, FLICKER_PAIRS)} if end - first > 1 else ())
    near = [range(max(0, n + offset - 1), min(end + offset - 1, n + offset + 2)) for n in numbers]
    steps = sorted({step for each in near for step in each})
    changes = _measure_changes(reference, steps, TO_RGB)
    is_still = {step: blocks < _MAX_STILL_CHANGE for step, blocks in zip(steps, changes, strict=True)}
    change, still_blocks, blocks = 0.0, 0, 0
    for steps_near, gif_blocks in zip(near, _measure_changes(shown, numbers), strict=True):
        still = np.logical_and.reduce([is_still[step] for step in steps_near])
        change += float(gif_blocks[still].sum())
        still_blocks += int(still.sum())
        blocks += still.size
    return round(change / still_blocks, 2) if still_blocks > _MIN_STILL_SHARE * blocks else None


def _measure_changes(
    path: Path, numbers: Sequence[int], to_rgb: str = "null"
) -> Iterator[npt.NDArray[np.float64]]:
    """Yield the mean absolute change of each block from each of these frames to the next one."""
    wanted = sorted({n for number in numbers for n in (number, number + 1)})
    for (before_number, before), (number, frame) in pairwise(
        zip(wanted, read_frames(path, wanted, to_rgb), strict=True)
    ):
        if number == before_number + 1 and before_number in numbers:
            change = np.maximum(before, frame) - np.minimum(before, frame)
            shape = (HEIGHT_PX // _BLOCK_PX, _BLOCK_PX, WIDTH_PX // _BLOCK_PX, _BLOCK_PX * 3)
            yield change.reshape(shape).mean(axis=(1, 3))


def read_frames(path: Path, numbers: Sequence[int], to_rgb: str = "null") -> Iterator[Frame]:
    """Yield frames by their numbers, in ascending order. `to_rgb` converts frames that are not RGB."""
    command: list[str | Path] = [FFMPEG, "-v", "error", "-nostdin", "-i", path]
    filters = f"{_select(numbers)},{to_rgb},format=rgb24"
    command += ["-vf", filters, "-fps_mode", "passthrough", "-f", "rawvideo", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        for _ in numbers:
            pixels = process.stdout.read(WIDTH_PX * HEIGHT_PX * 3)
            if len(pixels) < WIDTH_PX * HEIGHT_PX * 3:
                raise CommandFailed(f"{path.name} has no frame {numbers[-1]}")
            yield np.frombuffer(pixels, np.uint8).reshape(HEIGHT_PX, WIDTH_PX, 3)


def _measure_offsets(shown: Path, reference: Path, offsets: range) -> dict[int, float]:
    count = len(offsets)
    small = f"scale=160:90:flags=area,format=gray,split={count}"
    chains = [f"[{n}:v]{small}{''.join(f'[{n}x{k}]' for k in range(count))}" for n in range(2)]
    outputs: list[str] = []
    for number, offset in enumerate(offsets):
        gif_filter, reference_filter = _renumber(max(0, -offset)), _renumber(max(0, offset))
        chains.append(
            f"[0x{number}]{gif_filter}[g{number}];[1x{number}]{reference_filter}[r{number}];"
            f"[g{number}][r{number}]psnr@at{number}=shortest=1[o{number}]"
        )
        outputs += ["-map", f"[o{number}]", "-f", "null", "-"]
    log = _run_graph(shown, reference, ";".join(chains), outputs)
    return {offset: _psnr_db(log, f"at{number}") for number, offset in enumerate(offsets)}


def _compare(shown: Path, reference: Path, offset: int, every: int) -> tuple[float, float, float, float]:
    pick = f",{_select(sample_frames(FRAMES, every))}" if every > 1 else ""
    blur = f"gblur={BLUR_SIGMA_PX}"
    graph = (
        f"[0:v]{_renumber(max(0, -offset))}{pick},{TO_YUV},split[g1][g2];"
        f"[1:v]{_renumber(max(0, offset))}{pick},split[r1][r2];"
        "[g1][r1]libvmaf=log_fmt=json:log_path=vmaf.json:n_threads=2:feature=name=cambi:shortest=1[vmaf];"
        f"[g2]{blur}[g3];[r2]{blur}[r3];[g3][r3]psnr@blurred=shortest=1[psnr]"
    )
    outputs = ["-map", "[vmaf]", "-f", "null", "-", "-map", "[psnr]", "-f", "null", "-"]
    with tempfile.TemporaryDirectory(prefix="chromi-bench-") as folder:
        log = _run_graph(shown, reference, graph, outputs, cwd=Path(folder))
        pooled = json.loads(Path(folder, "vmaf.json").read_text())["pooled_metrics"]
    vmaf = pooled["vmaf"]
    return vmaf["mean"], vmaf["min"], pooled["cambi"]["mean"], _psnr_db(log, "blurred")


def _select(numbers: Sequence[int]) -> str:
    return f"select='{'+'.join(f'eq(n,{number})' for number in numbers) or '0'}'"


def _renumber(first_frame: int) -> str:
    return f"trim=start_frame={first_frame},settb=1/{FPS},setpts=N"


def _run_graph(shown: Path, reference: Path, graph: str, outputs: list[str], cwd: Path | None = None) -> str:
    inputs = ("-i", shown.resolve(), "-i", reference.resolve())
    return run_and_capture(
        [FFMPEG, "-hide_banner", "-nostats", "-nostdin", *inputs, "-filter_complex", graph, *outputs], cwd=cwd
    )


def _psnr_db(log: str, name: str) -> float:
    found = re.search(rf"\[psnr@{name} @ 0x\w+\] PSNR .*average:([\d.]+|inf)", log)
    if not found:
        raise CommandFailed(f"no PSNR in the output of ffmpeg: {log[-160:]}")
    return min(100.0, float(found[1]))
