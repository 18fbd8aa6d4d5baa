"""What is this file? Find out from its bytes, never from its name.

Two short runs of ffmpeg: one lists packets without decoding, one decodes a single picture.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from chromi.encoder.process.ffmpeg import DECODERS, MAX_PIXELS, run, untrusted_input
from chromi.encoder.process.subprocess_runner import Limits, LogReader, Outcome, ignore
from chromi.encoder.source.ffmpeg_log import (
    UNKNOWN,
    ContainerLog,
    FirstFrameLog,
    PacketListing,
    StreamPackets,
)
from chromi.encoder.source.mp4_index import check_index
from chromi.encoder.source.video_info import ALPHA_DECODERS, HDR_TRANSFERS, VideoInfo
from chromi.errors import NotAVideo
from chromi.i18n import Message

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
_TAIL_S = 2
_HD_HEIGHT_PX = 720
_ALWAYS_BT601 = ("vp9", "av1")
_QUICK = ("-analyzeduration", "1")  # µs: the headers suffice; ffmpeg would decode seconds of 4K to guess


def probe_video(path: Path, *, on_tick: Callable[[], None] = lambda: None) -> VideoInfo:
    """Describe the film in `path`: the video stream that a player would show.

    `on_tick` is called ten times a second, and whatever it raises ends the probe.

    Raises NotAVideo with a sentence that says what is wrong; OutOfMemory; FfmpegMissing; TimedOut;
    ConverterKilled.
    """
    look = _Look(path, time.monotonic() + PROBE_TIMEOUT_S, on_tick)
    container = _sniff(path)
    if container == "mov":
        check_index(path)
    stream, packets = _find_film(look)
    _check_readable(packets)
    picture, notes = _describe_first_picture(look, stream, packets, () if container == "gif" else _QUICK)
    duration_s = round(float(packets.end_s - picture.time_s), 6)
    if duration_s <= 0:
        raise NotAVideo(
            detail=f"the packets end at {packets.end_s} s, the first picture is at {picture.time_s}"
        )
    matrix, has_wrong_tags = picture.matrix, False
    if picture.format.startswith("yuv") and (picture.matrix == UNKNOWN or notes.vp8_matrix != UNKNOWN):
        # VP8 itself has neither matrix nor range; what its decoder says of them is made up.
        matrix = notes.vp8_matrix if notes.vp8_matrix != UNKNOWN else _assume_matrix(packets, picture)
        has_wrong_tags = True
    # Browsers draw a GIF's pixels square, whatever its aspect byte says.
    aspect = 1.0 if container == "gif" else picture.aspect
    return VideoInfo(
        container=container,
        codec=packets.codec,
        width_px=max(1, round(picture.width_px * aspect)),
        height_px=picture.height_px,
        duration_s=duration_s,
        fps=picture.fps,
        first_frame_s=float(picture.time_s),
        pixel_format=picture.format,
        color_matrix=matrix,
        color_transfer=picture.transfer,
        x264_build=picture.x264_build if packets.codec == "h264" else None,
        stream=stream,
        color_primaries=picture.primaries,
        color_range=notes.vp8_range if notes.vp8_matrix != UNKNOWN else picture.range,
        has_wrong_tags=has_wrong_tags,
        peak_nits=picture.peak_nits,
    )


def _sniff(path: Path) -> str:
    """Tell the container from the first bytes, so that a playlist or a text never reaches ffmpeg."""
    with path.open("rb") as file:
        start = file.read(12)
    if not start:
        raise NotAVideo(Message("This file is empty."))
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
        on_log: LogReader = ignore,
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


def _find_film(look: _Look) -> tuple[str, StreamPackets]:
    """Return the specifier and the packets of the video stream that a player would show.

    That is the first stream marked as default that has more than one picture, else the first other one. A
    still before the film (a thumbnail track, the still item of an animated AVIF) is passed over; a file of
    nothing but a still is described by that.

    The last packets suffice where the file tells its length. Otherwise all are listed: a browser's recorder
    writes no duration, a cut file promises more than it holds, and sound may go on after the last picture, so
    the length is what the packets say.
    """
    still: tuple[str, StreamPackets] | None = None
    log = ""
    for streams in ("V:disp:default", "V"):
        copy = ("-map", f"0:{streams}", "-c", "copy", "-f", "framecrc", "pipe:1")
        for start in (("-sseof", f"-{_TAIL_S}"), ()):
            packets = PacketListing()
            log = look.run((*_QUICK, *start), copy, on_output=packets.read).log
            for number, stream in sorted(packets.streams.items()):
                if stream.count > 1:
                    return f"{streams}:{number}", stream
                if stream.count and not start:
                    still = still or (f"{streams}:{number}", stream)
            if "matches no streams" in log:
                break
    if still:
        return still
    if "matches no streams" in log:
        raise NotAVideo(Message("There is no moving picture in this file, only sound or a still cover."))
    raise NotAVideo(detail=log)


def _check_readable(packets: StreamPackets) -> None:
    width, height = packets.stored_px
    if width * height > MAX_PIXELS:
        raise NotAVideo(
            Message(
                "The picture is %(width)s × %(height)s pixels, which is too large. "
                "Up to 4K (4096 × 2304) works.",
                width=str(width),
                height=str(height),
            )
        )
    if packets.codec not in DECODERS:
        raise NotAVideo(
            Message(
                "We cannot read this kind of video (%(codec)s). Save it as MP4 with H.264 and try again.",
                codec=packets.codec,
            )
        )


def _describe_first_picture(
    look: _Look, stream: str, packets: StreamPackets, before: Sequence[str]
) -> tuple[FirstFrameLog, ContainerLog]:
    """Decode one frame, turned upright as every later pass will have it.

    `before` are input options: of a GIF, a longer look alone tells the frame rate.
    """
    picture, notes = FirstFrameLog(), ContainerLog()

    def read(line: str) -> None:
        picture.read(line)
        notes.read(line)

    decoder = ALPHA_DECODERS.get(packets.codec)
    outcome = look.run(
        (*before, *(("-c:v", decoder) if decoder else ())),
        ("-map", f"0:{stream}", "-vf", f"trim=end_frame=1,{picture.witness}=checksum=0", "-f", "null", "-"),
        on_log=read,
    )
    if not picture.format:
        raise NotAVideo(
            Message("The picture in this file cannot be read; the file may be damaged."), detail=outcome.log
        )
    if notes.needs_dolby_vision:
        raise NotAVideo(
            Message(
                "This video is in Dolby Vision profile 5, which only Dolby's own players can show. "
                "Export it as HDR10, HLG or SDR and try again."
            )
        )
    return picture, notes


def _assume_matrix(packets: StreamPackets, picture: FirstFrameLog) -> str:
    """Return the matrix that Chromium assumes where the file names none (docs/encoder.md)."""
    if picture.transfer in HDR_TRANSFERS:
        return "bt2020nc"
    is_hd = packets.stored_px[1] >= _HD_HEIGHT_PX
    return "bt709" if is_hd and packets.codec not in _ALWAYS_BT601 else "smpte170m"
