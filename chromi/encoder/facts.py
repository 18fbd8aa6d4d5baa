"""What ffmpeg says about a file in lines that the file cannot forge.

There is no ffprobe, and what `ffmpeg -i` prints can be forged: a Matroska tag's name or language may hold
newlines and imitate a stream's line. So nothing is read from there. Packets are listed by the `framecrc`
muxer, which prints numbers only, and the first picture is described by the `showinfo` filter, whose lines
begin with a name that was drawn for this one run.
"""

import re
import secrets
from fractions import Fraction

UNKNOWN = "unknown"


class Packets:
    """What `framecrc` prints: a header of `#key 0: value`, then one line of numbers per packet.

    `end_s` is the time stamp at which the last packet's picture ends. A line that is none of these tells
    nothing.
    """

    _PACKET = re.compile(r"0, *-?\d{1,20}, *(-?\d{1,20}), *(\d{1,20}), ")
    _TIME_BASE = re.compile(r"(\d{1,10})/(0*[1-9]\d{0,9})")
    _SIZE = re.compile(r"(\d{1,9})x(\d{1,9})")

    def __init__(self) -> None:
        self.codec = UNKNOWN
        self.stored_px = (0, 0)
        self.seen = False
        self.end_s = Fraction(0)
        self._time_base = Fraction(1)

    def read(self, line: str) -> None:
        if line.startswith("#"):
            self._read_header(*line[1:].split(" 0: ", 1))
        elif match := self._PACKET.match(line):
            end_s = (int(match[1]) + int(match[2])) * self._time_base
            self.end_s = max(self.end_s, end_s) if self.seen else end_s
            self.seen = True

    def _read_header(self, key: str, value: str = "") -> None:
        if key == "codec_id":
            self.codec = value
        elif key == "tb" and (match := self._TIME_BASE.fullmatch(value)):
            self._time_base = Fraction(int(match[1]), int(match[2]))
        elif key == "dimensions" and (match := self._SIZE.fullmatch(value)):
            self.stored_px = (int(match[1]), int(match[2]))


class Picture:
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
    _COLOUR = re.compile(r"color_range:\S+ color_space:(\S+) color_primaries:\S+ color_trc:(\S+)")

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
        self.matrix = self.transfer = UNKNOWN
        self.x264_build: int | None = None
        self._time_base = Fraction(1)

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
        elif match := self._COLOUR.search(line):
            self.matrix, self.transfer = match.groups()
        elif match := self._X264_NOTE.search(line):
            self.x264_build = int(bytes.fromhex(match[1])) or None
