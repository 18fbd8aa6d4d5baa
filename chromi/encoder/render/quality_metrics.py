"""Quality of a rendered GIF compared with its source frames, as ffmpeg's libvmaf and psnr measure it."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from chromi.encoder.encoder_errors import EncodeError
from chromi.encoder.frames.color_filters import scale_flags
from chromi.encoder.process.ffmpeg import OUTPUT_FPS, escape_path

BLUR_SIGMA_PX = 1.5
"""At arm's length this blur hides dither patterns but not contours, as the eye does."""

_CROP_QUARTER = (
    "crop=w='2*floor(iw/4)':h='2*floor(ih/4)':x='2*floor(iw/4)*mod(n,2)':y='2*floor(ih/4)*mod(floor(n/2),2)'"
)
"""Crop a different quarter of each frame, four of which cover it: libvmaf takes 50 MB for a whole frame."""

_AVERAGE_PSNR = re.compile(r"PSNR .*average:([0-9.]+|inf)")
_IDENTICAL_DB = 100.0


@dataclass(frozen=True)
class QualityScores:
    """Quality of rendered frames.

    `vmaf` is 0 to 100. `cambi` is 0 (no more banding than in the source) to about 24. `blurred_psnr_db` is at
    most 100. `color_error` is the result of `measure_color_error`.
    """

    vmaf: float
    cambi: float
    blurred_psnr_db: float
    color_error: float = 0.0


class Comparison:
    """A comparison of rendered frames with their source frames, as a part of one ffmpeg command.

    VMAF is Netflix's default model. CAMBI is Netflix's banding index; the index of the source is subtracted,
    because a clean gradient alone has up to 15. A quarter of each frame is compared.
    """

    OUTPUTS = ("-map", "[vmaf]", "-f", "null", "-", "-map", "[psnr]", "-f", "null", "-")
    LOG = ("-loglevel", "info")

    def __init__(self, log_path: Path, frame_filter: str) -> None:
        """Compare the frames for which the expression `frame_filter` of their number n is not 0.

        libvmaf writes its results to `log_path`.
        """
        self._log_path = log_path
        self._frame_filter = frame_filter
        self._psnr_db: float | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that ffmpeg writes."""
        return (self._log_path,)

    def filtergraph(self, rendered: str, source: str) -> str:
        """Return the filters from the two link labels to OUTPUTS."""
        to_yuv = f"scale=out_color_matrix=bt709:out_range=tv:{scale_flags('bicubic')},format=yuv420p"
        select = f"select='{self._frame_filter}',settb=1/{OUTPUT_FPS},setpts=N,{_CROP_QUARTER}"
        features = r"feature=name=cambi\\:full_ref=true"
        return (
            f"[{rendered}]{select},{to_yuv},split[g1][g2];[{source}]{select},{to_yuv},split[f1][f2];"
            f"[g1][f1]libvmaf=log_fmt=json:log_path={escape_path(self._log_path)}:{features}[vmaf];"
            f"[g2]gblur={BLUR_SIGMA_PX}[g3];[f2]gblur={BLUR_SIGMA_PX}[f3];[g3][f3]psnr[psnr]"
        )

    def read(self, line: str) -> None:
        """Parse a line of ffmpeg's log."""
        if match := _AVERAGE_PSNR.search(line):
            self._psnr_db = min(_IDENTICAL_DB, float(match[1]))

    def scores(self, color_error: float) -> QualityScores:
        """Return the results after ffmpeg has ended. Raises EncodeError."""
        if self._psnr_db is None:
            raise EncodeError(detail="ffmpeg logged no PSNR")
        means = _read_means(self._log_path)
        return QualityScores(means["vmaf"], means["cambi"], self._psnr_db, color_error)


def _read_means(log_path: Path) -> dict[str, float]:
    names = {"vmaf": "vmaf", "cambi": "cambi_full_reference"}
    try:
        metrics = json.loads(log_path.read_text("utf-8"))["pooled_metrics"]
        return {key: float(metrics[name]["mean"]) for key, name in names.items()}
    except (ValueError, KeyError) as error:
        raise EncodeError(detail=f"libvmaf's log cannot be parsed: {error!r}") from error
