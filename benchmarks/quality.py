"""Measure the quality of a GIF: VMAF, banding (cambi) and color (PSNR after a blur).

The reference is the same window of the clip, decoded by a separate, simple filtergraph and stored losslessly.
Frames are compared by number and not by timestamp, because a GIF cannot express a delay of 1/24 s. A tool may
start a frame earlier or later than another. Each GIF is therefore first aligned with the reference, by up to
two frames, where small gray copies of both match best.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clips import FFMPEG, FPS, FRAMES, HEIGHT_PX, WIDTH_PX, Clip
from benchmarks.measure import CommandFailed, run_and_capture

BLUR_SIGMA_PX = 1.5
"""From a distance, the eye blends the dots of a dither into one color."""

_MAX_OFFSET_FRAMES = 2
_EQUAL_DB = 0.05
_ACCURATE = "flags=bicubic+accurate_rnd+full_chroma_int"
_YUV = f"scale=out_color_matrix=bt709:out_range=tv:{_ACCURATE},format=yuv420p"
_PACKET_DURATION = re.compile(r"^0, *-?\d+, *-?\d+, *(\d+), ", re.MULTILINE)
_TIME_BASE = re.compile(r"^#tb 0: (\d+)/(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Quality:
    """The quality of a GIF relative to its reference: means over its frames, PSNR of all planes in dB.

    `offset_frames` is the number of the reference frame that the first frame of the GIF shows.
    """

    frames: int
    duration_s: float
    vmaf: float
    vmaf_min: float
    cambi: float
    blurred_psnr_db: float
    offset_frames: int


def make_reference(clip: Clip, path: Path) -> Path:
    """Decode the window of `clip` to `path`, losslessly, as BT.709."""
    cover = (
        f"scale={WIDTH_PX}:{HEIGHT_PX}:force_original_aspect_ratio=increase:out_color_matrix=bt709:"
        f"out_range=tv:{_ACCURATE},crop={WIDTH_PX}:{HEIGHT_PX},setsar=1,format=yuv420p"
    )
    graph = f"fps={FPS},trim=end_frame={FRAMES},{cover}"
    source = ("-ss", f"{clip.start_s:g}", "-i", clip.path, "-map", "0:V:0", "-an")
    output = ("-c:v", "utvideo", "-f", "nut", path)
    run_and_capture([FFMPEG, "-v", "error", "-nostdin", "-y", *source, "-vf", graph, *output])
    return path


def measure_quality(gif: Path, reference: Path, every: int = 1) -> Quality:
    """Compare each `every`-th frame of `gif` with the reference. Raises CommandFailed."""
    frames, duration_s = count_frames(gif)
    offset = find_offset(gif, reference)
    vmaf, vmaf_min, cambi, psnr_db = _compare(gif, reference, offset, every)
    return Quality(frames, duration_s, vmaf, vmaf_min, cambi, psnr_db, offset)


def measure_banding(reference: Path, every: int = 1) -> float:
    """Return the cambi of the reference itself."""
    return _compare(reference, reference, 0, every)[2]


def count_frames(gif: Path) -> tuple[int, float]:
    """Return how many frames a GIF has and how many seconds they last."""
    text = run_and_capture([FFMPEG, "-v", "error", "-i", gif, "-c", "copy", "-f", "framecrc", "-"])
    base, durations = _TIME_BASE.search(text), [int(duration) for duration in _PACKET_DURATION.findall(text)]
    if not base or not durations:
        raise CommandFailed("it has no frames")
    return len(durations), round(sum(durations) * int(base[1]) / int(base[2]), 3)


def find_offset(gif: Path, reference: Path) -> int:
    """Return by how many frames the GIF is late (positive) in its best alignment, preferring 0."""
    offsets = range(-_MAX_OFFSET_FRAMES, _MAX_OFFSET_FRAMES + 1)
    psnrs_db = _measure_offsets(gif, reference, offsets)
    best_db = max(psnrs_db.values())
    return min((offset for offset in offsets if psnrs_db[offset] >= best_db - _EQUAL_DB), key=abs)


def _measure_offsets(gif: Path, reference: Path, offsets: range) -> dict[int, float]:
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
    log = _run_graph(gif, reference, ";".join(chains), outputs)
    return {offset: _psnr_db(log, f"at{number}") for number, offset in enumerate(offsets)}


def _compare(gif: Path, reference: Path, offset: int, every: int) -> tuple[float, float, float, float]:
    pick = f",select='not(mod(n,{every}))'" if every > 1 else ""
    blur = f"gblur={BLUR_SIGMA_PX}"
    graph = (
        f"[0:v]{_renumber(max(0, -offset))}{pick},{_YUV},split[g1][g2];"
        f"[1:v]{_renumber(max(0, offset))}{pick},split[r1][r2];"
        "[g1][r1]libvmaf=log_fmt=json:log_path=vmaf.json:n_threads=2:feature=name=cambi:shortest=1[vmaf];"
        f"[g2]{blur}[g3];[r2]{blur}[r3];[g3][r3]psnr@blurred=shortest=1[psnr]"
    )
    outputs = ["-map", "[vmaf]", "-f", "null", "-", "-map", "[psnr]", "-f", "null", "-"]
    with tempfile.TemporaryDirectory(prefix="chromi-bench-") as folder:
        log = _run_graph(gif, reference, graph, outputs, cwd=Path(folder))
        pooled = json.loads(Path(folder, "vmaf.json").read_text())["pooled_metrics"]
    vmaf = pooled["vmaf"]
    return vmaf["mean"], vmaf["min"], pooled["cambi"]["mean"], _psnr_db(log, "blurred")


def _renumber(first_frame: int) -> str:
    return f"trim=start_frame={first_frame},settb=1/{FPS},setpts=N"


def _run_graph(gif: Path, reference: Path, graph: str, outputs: list[str], cwd: Path | None = None) -> str:
    inputs = ("-i", gif.resolve(), "-i", reference.resolve())
    return run_and_capture(
        [FFMPEG, "-hide_banner", "-nostats", "-nostdin", *inputs, "-filter_complex", graph, *outputs], cwd=cwd
    )


def _psnr_db(log: str, name: str) -> float:
    found = re.search(rf"\[psnr@{name} @ 0x\w+\] PSNR .*average:([\d.]+|inf)", log)
    if not found:
        raise CommandFailed(f"no PSNR in the output of ffmpeg: {log[-160:]}")
    return min(100.0, float(found[1]))
