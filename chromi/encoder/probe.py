"""What is this file? Find out from its bytes, never from its name.

Two short runs of ffmpeg: one lists packets without decoding, one decodes a single picture.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chromi.encoder.facts import Packets, Picture
from chromi.encoder.ffmpeg import DECODERS, MAX_PIXELS, run, untrusted_input
from chromi.encoder.mp4_index import check_index
from chromi.encoder.process import Limits, Outcome, ignore
from chromi.errors import NotAVideo
from chromi.sentences import Sentence

PROBE_TIMEOUT_S = 20.0
PROBE_MEMORY_BYTES = 768 * 1024**2
"""One picture of 4K in ProRes with alpha takes 310 MB, and several clips may be looked at side by side.
A small machine gives less (`available_memory.py`)."""

_MOV_ATOMS = frozenset(
    (
        b"ftyp",
        b"moov",
        b"mdat",
        b"free",
        b"skip",
        b"wide",
        b"pnot",
        b"udta",
        b"uuid",
        b"styp",
        b"sidx",
        b"moof",
    )
)
_HDR_TRANSFERS = frozenset(("smpte2084", "arib-std-b67"))  # PQ and HLG
_ALPHA_FORMAT = re.compile(r"yuva|rgba|bgra|argb|abgr|gbrap|ya\d|pal8")
# ffmpeg's own VP8 and VP9 decoders skip the second picture that carries the alpha.
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_TAIL_S = 2
_QUICK = ("-analyzeduration", "1")  # µs: the headers suffice; ffmpeg would decode seconds of 4K to guess


@dataclass(frozen=True)
class VideoInfo:
    """What the conversion needs to know about a clip.

    Sizes are as displayed: after rotation, with square pixels. `first_frame_s` is the first picture's time
    stamp in the file; all other times count from there. `x264_build` is the version of x264 that made an
    H.264 clip, where it says so: before 151 x264 wrote 4:4:4 wrongly, and only who knows can decode it. A row
    of an older version of Chromi does not have it.
    """

    container: str  # mov, matroska or gif
    codec: str
    width_px: int
    height_px: int
    duration_s: float
    fps: float | None
    first_frame_s: float
    pixel_format: str
    colour_matrix: str
    colour_transfer: str
    x264_build: int | None = None

    @property
    def is_hdr(self) -> bool:
        return self.colour_transfer in _HDR_TRANSFERS

    @property
    def has_alpha(self) -> bool:
        return bool(_ALPHA_FORMAT.search(self.pixel_format))

    @property
    def decoder(self) -> str | None:
        """The decoder to ask for by name; None leaves it to ffmpeg."""
        return _ALPHA_DECODERS.get(self.codec) if self.has_alpha else None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "VideoInfo":
        return cls(**values)


def probe_video(path: Path, *, on_tick: Callable[[], None] = lambda: None) -> VideoInfo:
    """Describe the first video stream of `path` that is no cover art.

    `on_tick` is called ten times a second, and whatever it raises ends the probe.

    Raises NotAVideo with a sentence that says what is wrong; OutOfMemory; FfmpegMissing; TimedOut;
    ConverterKilled.
    """
    look = _Look(path, time.monotonic() + PROBE_TIMEOUT_S, on_tick)
    container = _sniff(path)
    if container == "mov":
        check_index(path)
    packets = _list_packets(look)
    _check_readable(packets)
    picture = _describe_first_picture(look, packets, () if container == "gif" else _QUICK)
    duration_s = round(float(packets.end_s - picture.time_s), 6)
    if duration_s <= 0:
        raise NotAVideo(
            detail=f"the packets end at {packets.end_s} s, the first picture is at {picture.time_s}"
        )
    return VideoInfo(
        container=container,
        codec=packets.codec,
        width_px=max(1, round(picture.width_px * picture.aspect)),
        height_px=picture.height_px,
        duration_s=duration_s,
        fps=picture.fps,
        first_frame_s=float(picture.time_s),
        pixel_format=picture.format,
        colour_matrix=picture.matrix,
        colour_transfer=picture.transfer,
        x264_build=picture.x264_build if packets.codec == "h264" else None,
    )


def _sniff(path: Path) -> str:
    """Tell the container from the first bytes, so that a playlist or a text never reaches ffmpeg."""
    with path.open("rb") as file:
        start = file.read(12)
    if not start:
        raise NotAVideo(Sentence("This file is empty."))
    if start[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if start[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if start[4:8] in _MOV_ATOMS:
        return "mov"
    raise NotAVideo(detail=f"starts with {start!r}")


@dataclass(frozen=True)
class _Look:
    """One probe: its file, the time by which it must end, and who is told that it goes on."""

    path: Path
    deadline: float
    on_tick: Callable[[], None]

    def run(
        self,
        before: Sequence[str],
        after: Sequence[str],
        *,
        on_output: Callable[[str], None] = ignore,
        on_log: Callable[[str], None] = ignore,
    ) -> Outcome:
        """Read the file with input options `before` and output options `after`; time stamps stay its own."""
        with self.path.open("rb") as clip:
            outcome = run(
                [*untrusted_input(clip.fileno(), threads=1, before=("-copyts", *before)), *after],
                limits=Limits(max(0.1, self.deadline - time.monotonic()), 0, PROBE_MEMORY_BYTES),
                descriptors=(clip.fileno(),),
                on_output=on_output,
                on_log=on_log,
                on_tick=self.on_tick,
            )
        outcome.check_not_killed()  # that would tell nothing about the file
        outcome.check_memory()
        return outcome


def _list_packets(look: _Look) -> Packets:
    """Read the last packets without decoding any, or every packet where the file does not tell its length.

    A browser's recorder writes no duration, a cut file promises more than it holds, and sound may go on after
    the last picture: so the length is what the packets say.
    """
    packets = Packets()
    copy = ("-map", "0:V:0", "-c", "copy", "-f", "framecrc", "pipe:1")
    outcome = look.run((*_QUICK, "-sseof", f"-{_TAIL_S}"), copy, on_output=packets.read)
    if not packets.seen:
        outcome = look.run(_QUICK, copy, on_output=packets.read)
    if not packets.seen:
        if "matches no streams" in outcome.log:
            raise NotAVideo(Sentence("There is no moving picture in this file, only sound or a still cover."))
        raise NotAVideo(detail=outcome.log)
    return packets


def _check_readable(packets: Packets) -> None:
    width, height = packets.stored_px
    if width * height > MAX_PIXELS:
        raise NotAVideo(
            Sentence(
                "The picture is %(width)s × %(height)s pixels, which is too large. "
                "Up to 4K (4096 × 2304) works.",
                width=str(width),
                height=str(height),
            )
        )
    if packets.codec not in DECODERS:
        raise NotAVideo(
            Sentence(
                "We cannot read this kind of video (%(codec)s). Save it as MP4 with H.264 and try again.",
                codec=packets.codec,
            )
        )


def _describe_first_picture(look: _Look, packets: Packets, before: Sequence[str]) -> Picture:
    """Decode one frame, turned upright as every later pass will have it.

    `before` are input options: of a GIF, a longer look alone tells the frame rate.
    """
    picture = Picture()
    decoder = _ALPHA_DECODERS.get(packets.codec)
    outcome = look.run(
        (*before, *(("-c:v", decoder) if decoder else ())),
        ("-map", "0:V:0", "-vf", f"trim=end_frame=1,{picture.witness}=checksum=0", "-f", "null", "-"),
        on_log=picture.read,
    )
    if not picture.format:
        raise NotAVideo(
            Sentence("The picture in this file cannot be read; the file may be damaged."), detail=outcome.log
        )
    return picture
