"""Describe the properties of a clip that the conversion depends on."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from chromi.encoder.source.ffmpeg_log import UNKNOWN

PQ, HLG = "smpte2084", "arib-std-b67"
HDR_TRANSFERS = (PQ, HLG)

# ffmpeg's own VP8 and VP9 decoders ignore the second image, which carries the alpha channel.
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""The decoder that supports alpha, keyed by codec."""

_ALPHA_FORMAT = re.compile(r"yuva|rgba|bgra|argb|abgr|gbrap|ya\d|pal8")
_LIMITED_RANGE_CODECS = ("h264", "hevc", "av1")


@dataclass(frozen=True)
class VideoInfo:
    """The properties of a clip's video stream.

    `container` is mov, matroska or gif. Width and height are as displayed: after rotation, with square
    pixels. `first_frame_s` is the timestamp of the first frame in the file; all other times are relative to
    it. `stream` is ffmpeg's specifier for the video stream.

    The color fields hold ffmpeg's names, or "unknown" if the file specifies nothing. If the matrix of a YUV
    clip is unspecified, `color_matrix` is the matrix that browsers assume and `has_wrong_tags` is true,
    because the decoded frames are not tagged with it. `peak_nits` is the peak luminance of an HDR clip.

    `x264_build` is the version of x264 that encoded an H.264 clip, if known. Builds before 151 encode 4:4:4
    incorrectly, and a decoder needs the build number to compensate.
    """

    container: str
    codec: str
    width_px: int
    height_px: int
    duration_s: float
    fps: float | None
    first_frame_s: float
    pixel_format: str
    color_matrix: str
    color_transfer: str
    x264_build: int | None = None
    stream: str = "V:0"
    color_primaries: str = UNKNOWN
    color_range: str = UNKNOWN
    has_wrong_tags: bool = False
    peak_nits: int | None = None

    @property
    def is_hdr(self) -> bool:
        return self.color_transfer in HDR_TRANSFERS

    @property
    def is_yuv(self) -> bool:
        return self.pixel_format.startswith("yuv")

    @property
    def is_limited_gray(self) -> bool:
        """True for limited-range grayscale (16 to 235), the default of video codecs if unspecified."""
        is_implied = self.color_range == UNKNOWN and self.codec in _LIMITED_RANGE_CODECS
        return self.pixel_format.startswith("gray") and (self.color_range == "tv" or is_implied)

    @property
    def has_alpha(self) -> bool:
        return bool(_ALPHA_FORMAT.search(self.pixel_format))

    @property
    def decoder(self) -> str | None:
        """The decoder to request by name, or None for ffmpeg's default."""
        return ALPHA_DECODERS.get(self.codec) if self.has_alpha else None

    def to_dict(self) -> dict[str, Any]:
        """Return all fields by name, serializable as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "VideoInfo":
        """Return the properties that `to_dict` serialized."""
        return cls(**values)
