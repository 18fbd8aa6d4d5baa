"""Parse what ffmpeg prints about a file, using only lines that the file cannot forge.

There is no ffprobe, and the output of `ffmpeg -i` can be forged: the name or language tag of a Matroska
stream may contain newlines and imitate a stream's line. Every property that other users depend on
therefore comes from elsewhere. The `framecrc` muxer lists packets and prints only numbers. The
`showinfo` filter describes the first frame, and its lines start with a name that is random for each run.
"""

import re
import secrets
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

UNKNOWN = "unknown"


@dataclass
class StreamPackets:
    """A summary of a stream's packets: `coded_px` is the coded size, `end_s` the end of the last packet."""

    codec: str = UNKNOWN
    coded_px: tuple[int, int] = (0, 0)
    count: int = 0
    end_s: Fraction = Fraction(0)
    time_base: Fraction = Fraction(1)


class PacketListing:
    """Parse the output of `framecrc`: lines of `#key STREAM: value`, then a line of numbers per packet.

    `times_s` holds the timestamps of all packets larger than a few bytes; smaller packets repeat a frame.
    Packets outside the file's edit list and all other lines are ignored.
    """

    _PACKET = re.compile(
        r"(\d{1,4}), *-?\d{1,20}, *(-?\d{1,20}), *(\d{1,20}), *(\d{1,10}), 0x\w{8}(?:, F=0x(\w{1,8}))?"
    )
    _DISCARD_FLAG = 0x4  # AV_PKT_FLAG_DISCARD in libavcodec/packet.h
    _HEADER = re.compile(r"#(\w+) (\d{1,4}): (.*)")
    _TIME_BASE = re.compile(r"(\d{1,10})/(0*[1-9]\d{0,9})")
    _DIMENSIONS = re.compile(r"(\d{1,9})x(\d{1,9})")
    _MAX_EMPTY_BYTES = 32

    def __init__(self) -> None:
        self.streams: dict[int, StreamPackets] = defaultdict(StreamPackets)
        self.times_s: list[Fraction] = []

    def read(self, line: str) -> None:
        """Parse a line."""
        if header := self._HEADER.fullmatch(line.rstrip()):
            self._read_header(header[1], self.streams[int(header[2])], header[3])
        elif (packet := self._PACKET.match(line)) and not int(packet[5] or "0", 16) & self._DISCARD_FLAG:
            number, pts, duration, size_bytes = map(int, packet.groups()[:4])
            stream = self.streams[number]
            end_s = (pts + duration) * stream.time_base
            stream.end_s = max(stream.end_s, end_s) if stream.count else end_s
            stream.count += 1
            if size_bytes > self._MAX_EMPTY_BYTES:
                self.times_s.append(pts * stream.time_base)

    def _read_header(self, key: str, stream: StreamPackets, value: str) -> None:
        if key == "codec_id":
            stream.codec = value
        elif key == "tb" and (match := self._TIME_BASE.fullmatch(value)):
            stream.time_base = Fraction(int(match[1]), int(match[2]))
        elif key == "dimensions" and (match := self._DIMENSIONS.fullmatch(value)):
            stream.coded_px = (int(match[1]), int(match[2]))


class FrameLog:
    """Parse what the `showinfo` filter `filter` logs about each frame.

    `first` describes the first frame. `times_s` holds the frames' timestamps. `configurations` counts how
    often the filter was configured: once at the start, and again for each change of frame size, pixel format,
    rotation or color range.
    """

    _CONFIG = re.compile(r"config in time_base: (\d{1,10})/(0*[1-9]\d{0,9}),")
    _FRAME = re.compile(r"n: *\d+ pts: *(-?\d{1,20}) .* i:([PTB]) ")

    def __init__(self) -> None:
        self.first = FirstFrameLog()
        self.name = self.first.name
        self.configurations = 0
        self.times_s: list[Fraction] = []
        self.has_interlaced = False
        self._time_base = Fraction(1)

    @property
    def filter(self) -> str:
        """The filter to insert; it does not change the frames."""
        return f"{self.name}=checksum=0"

    def read(self, line: str) -> bool:
        """Read a line of ffmpeg's log and return whether the filter printed it."""
        if not line.startswith(f"[{self.name} @ 0x"):
            return False
        if config := self._CONFIG.search(line):
            self.configurations += 1
            self._time_base = Fraction(int(config[1]), int(config[2]))
        elif frame := self._FRAME.search(line):
            self.times_s.append(int(frame[1]) * self._time_base)
            self.has_interlaced = self.has_interlaced or frame[2] != "P"
        if len(self.times_s) <= 1:
            self.first.read(line)
        return True


class ContainerLog:
    """Parse two properties of the container from ffmpeg's stream lines, which `showinfo` does not report.

    A file can forge these lines, but only to its own detriment: it is rejected or its own colors are wrong.
    """

    _DOLBY_VISION = re.compile(
        r" *DOVI configuration record: version: \d+\.\d+, profile: (\d+),.* compatibility id: (\d+)"
    )
    _VP8_COLOR = re.compile(
        r" *Stream #0:\d+.*: Video: vp8(?: \(\w+\))?, \w+"
        r"\((?:(tv|pc), )?(bt709|fcc|bt470bg|smpte\w+|bt2020n?c)\W"
    )
    _INCOMPATIBLE = 0
    """The base layer of profiles like profile 5 is not viewable alone (Dolby Vision, bitstreams, 2.1)."""

    def __init__(self) -> None:
        self.needs_dolby_vision = False
        self.vp8_range = self.vp8_matrix = UNKNOWN

    def read(self, line: str) -> None:
        """Parse a line of ffmpeg's log."""
        if record := self._DOLBY_VISION.match(line):
            profile, compatibility = map(int, record.groups())
            self.needs_dolby_vision = profile == 5 or (profile >= 10 and compatibility == self._INCOMPATIBLE)
        elif color := self._VP8_COLOR.match(line):
            self.vp8_range, self.vp8_matrix = color[1] or "tv", color[2]


class FirstFrameLog:
    """Parse what the `showinfo` filter `filter` logs about the first frame; `format` is empty if none.

    `is_complete` is true once its size, format and color tags are known, which come on two lines.
    The timestamp is a fraction, because ffmpeg prints seconds with only six digits, which is too imprecise
    after an hour. `x264_build` is the version of the x264 encoder, from its message in the first frame, which
    `showinfo` prints in hexadecimal.
    """

    _CONFIG = re.compile(
        r"config in time_base: (\d{1,10})/(0*[1-9]\d{0,9}), frame_rate: (\d{1,10})/(\d{1,10})"
    )
    _FRAME = re.compile(
        r"n: *0 pts: *(-?\d{1,20}) .*fmt:(\w+) .*sar:(\d{1,10})/(\d{1,10}) s:([1-9]\d{0,8})x([1-9]\d{0,8}) "
    )
    _COLOR = re.compile(r"color_range:(\S+) color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)")
    _PEAK = re.compile(r"(MaxCLL|max_luminance)=(\d{1,6})")
    _X264_MESSAGE = re.compile(
        rf"\] User Data={b'x264 - core '.hex()}((?:3[0-9]){{1,3}})(?!3[0-9])"  # 3[0-9]: a digit in hex
    )

    def __init__(self) -> None:
        self.name = f"showinfo@{secrets.token_hex(8)}"
        self.format = ""
        self.is_complete = False
        self.fps: float | None = None
        self.time_s = Fraction(0)
        self.sample_aspect_ratio = 1.0
        self.width_px = self.height_px = 0
        self.range = self.matrix = self.primaries = self.transfer = UNKNOWN
        self.x264_build: int | None = None
        self._peaks_nits: dict[str, int] = {}
        self._time_base = Fraction(1)

    @property
    def filter(self) -> str:
        """The filter to insert; it does not change the frames."""
        return f"{self.name}=checksum=0"

    @property
    def peak_nits(self) -> int | None:
        """The maximum content light level, or else the peak luminance of the mastering display, if known."""
        return self._peaks_nits.get("MaxCLL") or self._peaks_nits.get("max_luminance")

    def read(self, line: str) -> None:
        """Parse a line of ffmpeg's log."""
        if not line.startswith(f"[{self.name} @ 0x"):
            return
        if match := self._CONFIG.search(line):
            numerator, denominator, frames, seconds = map(int, match.groups())
            self._time_base = Fraction(numerator, denominator)
            self.fps = frames / seconds if frames and seconds else None
        elif (match := self._FRAME.search(line)) and not self.format:
            self._read_frame(match)
        elif match := self._COLOR.search(line):
            self.range, self.matrix, self.primaries, self.transfer = match.groups()
            self.is_complete = True
        elif "side data - " in line and (match := self._PEAK.search(line)):
            self._peaks_nits[match[1]] = int(match[2])
        elif match := self._X264_MESSAGE.search(line):
            self.x264_build = int(bytes.fromhex(match[1])) or None

    def _read_frame(self, match: re.Match[str]) -> None:
        self.time_s = int(match[1]) * self._time_base
        self.format = match[2]
        numerator, denominator, self.width_px, self.height_px = map(int, match.groups()[2:])
        self.sample_aspect_ratio = numerator / denominator if numerator and denominator else 1.0
