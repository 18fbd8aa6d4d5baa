"""How much a GIF looks like the frames it was drawn from, as ffmpeg's libvmaf and psnr tell."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chromi.encoder.ffmpeg import run
from chromi.encoder.process import Limits
from chromi.errors import EncodeError

MAX_LOG_BYTES = 4 * 1024**2
BLUR_PX = 1.5
"""Sigma. What is finer melts into one colour at arm's length: a dither, but no contour."""

_AVERAGE = re.compile(r"PSNR .*average:([0-9.]+|inf)")
_IDENTICAL_DB = 100.0


@dataclass(frozen=True)
class Likeness:
    """`vmaf` 0 to 100; `cambi` 0 (no banding) to about 24, from 5 on annoying; `blurred_psnr_db` to 100."""

    vmaf: float
    cambi: float
    blurred_psnr_db: float


def compare(
    gif_path: Path,
    frames_path: Path,
    log_path: Path,
    *,
    which: str,
    limits: Limits,
    on_tick: Callable[[], None],
) -> Likeness:
    """Compare a GIF with its frames, those for which `which` (of n, their number) is not 0.

    Raises TimedOut and EncodeError.

    VMAF is Netflix's default model, CAMBI its banding index; both are means over the frames.
    """
    psnr_db = [_IDENTICAL_DB]

    def read(line: str) -> None:
        if found := _AVERAGE.search(line):
            psnr_db[0] = min(_IDENTICAL_DB, float(found[1]))

    run(
        [
            *("-loglevel", "info", "-i", str(gif_path), "-f", "nut", "-i", str(frames_path)),
            *("-filter_complex_threads", "1", "-filter_complex", _graph(log_path, which)),
            *("-map", "[vmaf]", "-f", "null", "-", "-map", "[psnr]", "-f", "null", "-"),
        ],
        limits=limits,
        on_log=read,
        on_tick=on_tick,
    ).check()
    means = _read_means(log_path)
    return Likeness(means["vmaf"], means["cambi"], psnr_db[0])


def _graph(log_path: Path, which: str) -> str:
    """Number the frames on both sides: the delays of a GIF are not exactly those of its source."""
    to_yuv = (
        "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int,format=yuv420p"
    )
    number = f"select='{which}',settb=1/24,setpts=N"
    return (
        f"[0:v]{number},{to_yuv},split[g1][g2];[1:v]{number},split[f1][f2];"
        f"[g1][f1]libvmaf=log_fmt=json:log_path={log_path}:feature=name=cambi[vmaf];"
        f"[g2]gblur={BLUR_PX}[g3];[f2]gblur={BLUR_PX}[f3];[g3][f3]psnr[psnr]"
    )


def _read_means(log_path: Path) -> dict[str, float]:
    try:
        pooled = json.loads(log_path.read_text("utf-8"))["pooled_metrics"]
        return {name: float(pooled[name]["mean"]) for name in ("vmaf", "cambi")}
    except (ValueError, KeyError) as error:
        raise EncodeError(detail=f"libvmaf's log cannot be read: {error!r}") from error
