"""How much a GIF looks like the frames it was drawn from, as ffmpeg's libvmaf and psnr tell."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from chromi.encoder.encoder_errors import EncodeError
from chromi.encoder.frames.color import scale_flags
from chromi.encoder.process.ffmpeg import escape_path

BLUR_PX = 1.5
"""Sigma. What is finer melts into one color at arm's length: a dither, but no contour."""

_A_QUARTER = (
    "crop=w='2*floor(iw/4)':h='2*floor(ih/4)':x='2*floor(iw/4)*mod(n,2)':y='2*floor(ih/4)*mod(floor(n/2),2)'"
)
"""Of each frame another quarter, together the whole: libvmaf takes 50 MB for a whole frame."""

_AVERAGE = re.compile(r"PSNR .*average:([0-9.]+|inf)")
_IDENTICAL_DB = 100.0


@dataclass(frozen=True)
class QualityScores:
    """`vmaf` 0 to 100; `cambi` 0 (no more banding than before) to about 24; `blurred_psnr_db` to 100.

    `color_error` is how far the worst regions are from their colors, as `measure_color_error` tells.
    """

    vmaf: float
    cambi: float
    blurred_psnr_db: float
    color_error: float = 0.0


class Comparison:
    """A look at drawn frames beside those they were drawn from, as a part of one ffmpeg command.

    VMAF is Netflix's default model, CAMBI its banding index, less what was there before (a clean gradient has
    up to 15 by itself); of each frame a quarter is compared.
    """

    OUTPUTS = ("-map", "[vmaf]", "-f", "null", "-", "-map", "[psnr]", "-f", "null", "-")
    LOG = ("-loglevel", "info")

    def __init__(self, log_path: Path, which: str) -> None:
        """`which` (of n, their number) is not 0 for the frames that count; libvmaf writes to `log_path`."""
        self._log_path = log_path
        self._which = which
        self._psnr_db: float | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """What is written besides the log."""
        return (self._log_path,)

    def graph(self, drawn: str, kept: str) -> str:
        """Return the filters that take both and give OUTPUTS."""
        to_yuv = f"scale=out_color_matrix=bt709:out_range=tv:{scale_flags('bicubic')},format=yuv420p"
        select = f"select='{self._which}',settb=1/24,setpts=N,{_A_QUARTER}"
        features = r"feature=name=cambi\\:full_ref=true"
        return (
            f"[{drawn}]{select},{to_yuv},split[g1][g2];[{kept}]{select},{to_yuv},split[f1][f2];"
            f"[g1][f1]libvmaf=log_fmt=json:log_path={escape_path(self._log_path)}:{features}[vmaf];"
            f"[g2]gblur={BLUR_PX}[g3];[f2]gblur={BLUR_PX}[f3];[g3][f3]psnr[psnr]"
        )

    def read(self, line: str) -> None:
        """Take a line of ffmpeg's log."""
        if found := _AVERAGE.search(line):
            self._psnr_db = min(_IDENTICAL_DB, float(found[1]))

    def likeness(self, color_error: float) -> QualityScores:
        """Return what was found, when ffmpeg has ended. Raises EncodeError."""
        if self._psnr_db is None:
            raise EncodeError(detail="ffmpeg told no PSNR")
        means = _read_means(self._log_path)
        return QualityScores(means["vmaf"], means["cambi"], self._psnr_db, color_error)


def _read_means(log_path: Path) -> dict[str, float]:
    names = {"vmaf": "vmaf", "cambi": "cambi_full_reference"}
    try:
        pooled = json.loads(log_path.read_text("utf-8"))["pooled_metrics"]
        return {key: float(pooled[name]["mean"]) for key, name in names.items()}
    except (ValueError, KeyError) as error:
        raise EncodeError(detail=f"libvmaf's log cannot be read: {error!r}") from error
