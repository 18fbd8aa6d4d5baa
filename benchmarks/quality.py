"""How much of the clip is left in a GIF: VMAF, banding (cambi) and color (PSNR after a blur).

The reference is the same window, decoded once by a simple graph of its own and kept without loss. Frames are
compared by their number, not by their time stamps: no GIF can say 1/24 s. A tool may begin a frame earlier
or later than another, so each output is first laid on the reference where a small gray copy fits best, within
two frames: nobody is marked down for that.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clips import FFMPEG, FPS, FRAMES, HEIGHT_PX, WIDTH_PX, Clip
from benchmarks.measure import Failed, ask

BLUR_SIGMA_PX = 1.5
"""As the eye at a distance: it takes dither's dots for the color that they mean."""

_MAX_OFFSET = 2
_SAME_DB = 0.05
_EXACT = "flags=bicubic+accurate_rnd+full_chroma_int"
_YUV = f"scale=out_color_matrix=bt709:out_range=tv:{_EXACT},format=yuv420p"
_PACKET = re.compile(r"^0, *-?\d+, *-?\d+, *(\d+), ", re.MULTILINE)
_TIME_BASE = re.compile(r"^#tb 0: (\d+)/(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Quality:
    """What a GIF looks like beside its reference; means over its frames, PSNR of all planes in dB.

    `offset_frames` is the number of the reference's frame that the GIF's first frame shows.
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
        f"out_range=tv:{_EXACT},crop={WIDTH_PX}:{HEIGHT_PX},setsar=1,format=yuv420p"
    )
    graph = f"fps={FPS},trim=end_frame={FRAMES},{cover}"
    source = ("-ss", f"{clip.start_s:g}", "-i", clip.path, "-map", "0:V:0", "-an")
    kept = ("-c:v", "utvideo", "-f", "nut", path)
    ask([FFMPEG, "-v", "error", "-nostdin", "-y", *source, "-vf", graph, *kept])
    return path


def judge(gif: Path, reference: Path, every: int = 1) -> Quality:
    """Compare each `every`-th frame of `gif` with the reference. Raises Failed."""
    frames, duration_s = count_frames(gif)
    offset = find_offset(gif, reference)
    vmaf, vmaf_min, cambi, psnr_db = _compare(gif, reference, offset, every)
    return Quality(frames, duration_s, vmaf, vmaf_min, cambi, psnr_db, offset)


def measure_banding(reference: Path, every: int = 1) -> float:
    """Return the reference's own cambi: what no GIF of it can be blamed for."""
    return _compare(reference, reference, 0, every)[2]


def count_frames(gif: Path) -> tuple[int, float]:
    """Return how many frames a GIF has and how many seconds they last."""
    text = ask([FFMPEG, "-v", "error", "-i", gif, "-c", "copy", "-f", "framecrc", "-"])
    base, lengths = _TIME_BASE.search(text), [int(found) for found in _PACKET.findall(text)]
    if not base or not lengths:
        raise Failed("there are no frames in it")
    return len(lengths), round(sum(lengths) * int(base[1]) / int(base[2]), 3)


def find_offset(gif: Path, reference: Path) -> int:
    """Return by how many frames the GIF is late (positive) where it fits best; as near to 0 as can be."""
    offsets = range(-_MAX_OFFSET, _MAX_OFFSET + 1)
    fits_db = _fits_db(gif, reference, offsets)
    best_db = max(fits_db.values())
    return min((offset for offset in offsets if fits_db[offset] >= best_db - _SAME_DB), key=abs)


def _fits_db(gif: Path, reference: Path, offsets: range) -> dict[int, float]:
    count = len(offsets)
    small = f"scale=160:90:flags=area,format=gray,split={count}"
    chains = [f"[{n}:v]{small}{''.join(f'[{n}x{k}]' for k in range(count))}" for n in range(2)]
    outputs: list[str] = []
    for number, offset in enumerate(offsets):
        given, wanted = _numbered(max(0, -offset)), _numbered(max(0, offset))
        chains.append(
            f"[0x{number}]{given}[g{number}];[1x{number}]{wanted}[r{number}];"
            f"[g{number}][r{number}]psnr@at{number}=shortest=1[o{number}]"
        )
        outputs += ["-map", f"[o{number}]", "-f", "null", "-"]
    log = _run_graph(gif, reference, ";".join(chains), outputs)
    return {offset: _psnr_db(log, f"at{number}") for number, offset in enumerate(offsets)}


def _compare(gif: Path, reference: Path, offset: int, every: int) -> tuple[float, float, float, float]:
    pick = f",select='not(mod(n,{every}))'" if every > 1 else ""
    blur = f"gblur={BLUR_SIGMA_PX}"
    graph = (
        f"[0:v]{_numbered(max(0, -offset))}{pick},{_YUV},split[g1][g2];"
        f"[1:v]{_numbered(max(0, offset))}{pick},split[r1][r2];"
        "[g1][r1]libvmaf=log_fmt=json:log_path=vmaf.json:n_threads=2:feature=name=cambi:shortest=1[seen];"
        f"[g2]{blur}[g3];[r2]{blur}[r3];[g3][r3]psnr@blurred=shortest=1[told]"
    )
    outputs = ["-map", "[seen]", "-f", "null", "-", "-map", "[told]", "-f", "null", "-"]
    with tempfile.TemporaryDirectory(prefix="chromi-bench-") as folder:
        log = _run_graph(gif, reference, graph, outputs, cwd=Path(folder))
        pooled = json.loads(Path(folder, "vmaf.json").read_text())["pooled_metrics"]
    vmaf = pooled["vmaf"]
    return vmaf["mean"], vmaf["min"], pooled["cambi"]["mean"], _psnr_db(log, "blurred")


def _numbered(first_frame: int) -> str:
    return f"trim=start_frame={first_frame},settb=1/{FPS},setpts=N"


def _run_graph(gif: Path, reference: Path, graph: str, outputs: list[str], cwd: Path | None = None) -> str:
    inputs = ("-i", gif.resolve(), "-i", reference.resolve())
    return ask(
        [FFMPEG, "-hide_banner", "-nostats", "-nostdin", *inputs, "-filter_complex", graph, *outputs], cwd=cwd
    )


def _psnr_db(log: str, name: str) -> float:
    found = re.search(rf"\[psnr@{name} @ 0x\w+\] PSNR .*average:([\d.]+|inf)", log)
    if not found:
        raise Failed(f"no PSNR in what ffmpeg said: {log[-160:]}")
    return min(100.0, float(found[1]))
