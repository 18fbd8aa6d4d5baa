"""What ffmpeg says about a file in lines that the file cannot forge.

There is no ffprobe, and what `ffmpeg -i` prints can be forged: a Matroska tag's name or language may hold
newlines and imitate a stream's line. So nothing that matters to anyone else is read from there. Packets are
listed by the `framecrc` muxer, which prints numbers only, and the first picture is described by the
`showinfo` filter, whose lines begin with a name that was drawn for this one run.
"""

import re
import secrets
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

UNKNOWN = "unknown"


@dataclass
class StreamPackets:
    """The packets of one stream: codec, stored size in pixels, how many there are, and when the last ends."""

    codec: str = UNKNOWN
    stored_px: tuple[int, int] = (0, 0)
    count: int = 0
    end_s: Fraction = Fraction(0)
    time_base: Fraction = Fraction(1)


class PacketListing:
    """Read what `framecrc` prints: lines of `#key STREAM: value`, then one line of numbers per packet.

    `times_s` are the time stamps of all packets of more than a few bytes: smaller ones say that nothing
    changes. Packets outside of the file's edit list are passed over, as is a line that is none of these.
    """

    _PACKET = re.compile(
        r"(\d{1,4}), *-?\d{1,20}, *(-?\d{1,20}), *(\d{1,20}), *(\d{1,10}), 0x\w{8}(?:, F=0x(\w{1,8}))?"
    )
    _DISCARDED = 0x4  # AV_PKT_FLAG_DISCARD of libavcodec/packet.h
    _HEADER = re.compile(r"#(\w+) (\d{1,4}): (.*)")
    _TIME_BASE = re.compile(r"(\d{1,10})/(0*[1-9]\d{0,9})")
    _SIZE = re.compile(r"(\d{1,9})x(\d{1,9})")
    _EMPTY_BYTES = 32

    def __init__(self) -> None:
        self.streams: dict[int, StreamPackets] = defaultdict(StreamPackets)
        self.times_s: list[Fraction] = []

    def read(self, line: str) -> None:
        if header := self._HEADER.fullmatch(line.rstrip()):
            self._read_header(header[1], self.streams[int(header[2])], header[3])
        elif (packet := self._PACKET.match(line)) and not int(packet[5] or "0", 16) & self._DISCARDED:
            number, pts, duration, size = map(int, packet.groups()[:4])
            stream = self.streams[number]
            end_s = (pts + duration) * stream.time_base
            stream.end_s = max(stream.end_s, end_s) if stream.count else end_s
            stream.count += 1
            if size > self._EMPTY_BYTES:
                self.times_s.append(pts * stream.time_base)

    def _read_header(self, key: str, stream: StreamPackets, value: str) -> None:
        if key == "codec_id":
            stream.codec = value
        elif key == "tb" and (match := self._TIME_BASE.fullmatch(value)):
            stream.time_base = Fraction(int(match[1]), int(match[2]))
        elif key == "dimensions" and (match := self._SIZE.fullmatch(value)):
            stream.stored_px = (int(match[1]), int(match[2]))


class FrameLog:
    """Read what the filter `name` (a showinfo) logs about each frame that passes it.

    `times_s` are the frames' time stamps. `configurations` is how often the filter was set up: once more for
    each change of the picture's size, format, rotation or range.
    """

    _CONFIG = re.compile(r"config in time_base: (\d{1,10})/(0*[1-9]\d{0,9}),")
    _FRAME = re.compile(r"n: *\d+ pts: *(-?\d{1,20}) .* i:([PTB]) ")

    def __init__(self) -> None:
        self.name = f"showinfo@{secrets.token_hex(8)}"
        self.configurations = 0
        self.times_s: list[Fraction] = []
        self.has_interlaced = False
        self._time_base = Fraction(1)

    @property
    def filter(self) -> str:
        """The filter whose log this reads; it changes no frame."""
        return f"{self.name}=checksum=0"

    def read(self, line: str) -> bool:
        """Take a line of ffmpeg's log; return whether it was about a frame."""
        if not line.startswith(f"[{self.name} @ 0x"):
            return False
        if config := self._CONFIG.search(line):
            self.configurations += 1
            self._time_base = Fraction(int(config[1]), int(config[2]))
        elif frame := self._FRAME.search(line):
            self.times_s.append(int(frame[1]) * self._time_base)
            self.has_interlaced = self.has_interlaced or frame[2] != "P"
        return True


class ContainerLog:
    """Read two notes of the container that no frame repeats, from what ffmpeg prints about its streams.

    A file can forge them, which harms nobody else: it is refused, or its own colors come out wrong.
    """

    _DOLBY_VISION = re.compile(
        r" *DOVI configuration record: version: \d+\.\d+, profile: (\d+),.* compatibility id: (\d+)"
    )
    _VP8_COLOR = re.compile(
        r" *Stream #0:\d+.*: Video: vp8(?: \(\w+\))?, \w+"
        r"\((?:(tv|pc), )?(bt709|fcc|bt470bg|smpte\w+|bt2020n?c)\W"
    )
    _INCOMPATIBLE = 0
    """The base layer of profile 5 and its like is no picture by itself (Dolby Vision, bitstreams, 2.1)."""

    def __init__(self) -> None:
        self.needs_dolby_vision = False
        self.vp8_range = self.vp8_matrix = UNKNOWN

    def read(self, line: str) -> None:
        if record := self._DOLBY_VISION.match(line):
            profile, compatibility = map(int, record.groups())
            self.needs_dolby_vision = profile == 5 or (profile >= 10 and compatibility == self._INCOMPATIBLE)
        elif color := self._VP8_COLOR.match(line):
            self.vp8_range, self.vp8_matrix = color[1] or "tv", color[2]


class FirstFrameLog:
    """What the filter `witness` logs about the first frame; `format` is empty if there was none.

    The time is kept as a fraction: printed as seconds it has six digits, too few after an hour. `x264_build`
    is the version of the encoder x264, from its note within the first frame, which `showinfo` prints as hex.
    """

    _CONFIG = re.compile(
        r"config in time_base: (\d{1,10})/(0*[1-9]\d{0,9}), frame_rate: (\d{1,10})/(\d{1,10})"
    )
    _FRAME = re.compile(
        r"n: *0 pts: *(-?\d{1,20}) .*fmt:(\w+) .*sar:(\d{1,10})/(\d{1,10}) s:([1-9]\d{0,8})x([1-9]\d{0,8}) "
    )
    _COLOR = re.compile(r"color_range:(\S+) color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)")

    _PEAK = re.compile(r"(MaxCLL|max_luminance)=(\d{1,6})")
    _X264_NOTE = re.compile(
        rf"\] User Data={b'x264 - core '.hex()}((?:3[0-9]){{1,3}})(?!3[0-9])"  # 3[0-9]: a digit
    )

    def __init__(self) -> None:
        self.witness = f"showinfo@{secrets.token_hex(8)}"
        self.format = ""
        self.fps: float | None = None
        self.time_s = Fraction(0)
        self.aspect = 1.0  # of one pixel
        self.width_px = self.height_px = 0
        self.range = self.matrix = self.primaries = self.transfer = UNKNOWN
        self.x264_build: int | None = None
        self._peaks_nits: dict[str, int] = {}
        self._time_base = Fraction(1)

    @property
    def peak_nits(self) -> int | None:
        """The brightest light in the clip, or that its mastering display could show, if it says either."""
        return self._peaks_nits.get("MaxCLL") or self._peaks_nits.get("max_luminance")

    def read(self, line: str) -> None:
        if not line.startswith(f"[{self.witness} @ 0x"):
            return
        if match := self._CONFIG.search(line):
            numerator, denominator, frames, seconds = map(int, match.groups())
            self._time_base = Fraction(numerator, denominator)
            self.fps = frames / seconds if frames and seconds else None
        elif (match := self._FRAME.search(line)) and not self.format:
            self.format = match[2]
            self.time_s = int(match[1]) * self._time_base
            wide, high, self.width_px, self.height_px = map(int, match.groups()[2:])
            self.aspect = wide / high if wide and high else 1.0
        elif match := self._COLOR.search(line):
            self.range, self.matrix, self.primaries, self.transfer = match.groups()
        elif "side data - " in line and (match := self._PEAK.search(line)):
            self._peaks_nits[match[1]] = int(match[2])
        elif match := self._X264_NOTE.search(line):
            self.x264_build = int(bytes.fromhex(match[1])) or None
