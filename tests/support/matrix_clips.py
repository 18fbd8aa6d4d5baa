"""Make the clip of a row of the test matrix from computed samples with the bundled ffmpeg.

ffmpeg's filters do not compute the samples, because an error that ffmpeg makes in both directions would
cancel out.
"""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import groupby
from math import ceil
from pathlib import Path

import imageio_ffmpeg

from tests.support.matrix_colors import JPEG, PATCHES, SPACES, ColorSpace, to_signal, to_yuv
from tests.support.matrix_layout import Layout, make_layout
from tests.support.matrix_rows import Row

RATES = {"24": Fraction(24), "12": Fraction(12), "29.97": Fraction(30000, 1001), "60": Fraction(60)}
RATES |= {"240": Fraction(240), "variable": Fraction(24)}
STARTS = {"beginning": 0.0, "later": 0.4}
SUFFIXES = {"prores": "mov", "png": "mov", "raw": "mov", "mjpeg": "mov", "gif": "gif"}
SUFFIXES |= {"h264": "mp4", "hevc": "mp4", "mpeg4": "mp4", "vp8": "webm", "vp9": "webm"}
SUFFIXES |= {"av1": "mkv", "ffv1": "mkv"}

_X265 = (
    "-preset",
    "ultrafast",
    "-x265-params",
    "log-level=error:keyint=24:bframes=2:crf=4:ctu=16:pools=none:frame-threads=1",
)
_REALTIME = ("-deadline", "realtime", "-cpu-used", "8", "-g", "24")
_ENCODERS = {
    "h264": ("libx264", "-preset", "ultrafast", "-qp", "6", "-g", "24", "-bf", "2"),
    "hevc": ("libx265", *_X265, "-tag:v", "hvc1"),
    "prores": ("prores_ks", "-q:v", "4"),
    "png": ("png",),
    "vp8": ("libvpx", *_REALTIME, "-qmin", "0", "-qmax", "2", "-b:v", "20M", "-auto-alt-ref", "0"),
    "vp9": ("libvpx-vp9", *_REALTIME, "-lossless", "1"),
    "av1": ("libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-g", "24", "-aom-params", "lossless=1"),
    "ffv1": ("ffv1", "-g", "1"),
    "raw": ("rawvideo",),
    "mpeg4": ("mpeg4", "-q:v", "1", "-g", "24", "-bf", "2"),
    "mjpeg": ("mjpeg", "-q:v", "2"),
    "gif": ("gif",),
}
_STORED_FORMATS = {
    ("h264", "rgb"): "bgr0",
    ("png", "rgb"): "rgb24",
    ("png", "alpha"): "rgba",
    ("raw", "yuv422"): "uyvy422",
    ("raw", "rgb"): "rgb24",
    ("raw", "alpha"): "argb",
    ("ffv1", "rgb"): "bgr0",
    ("ffv1", "alpha"): "bgra",
}
_GIF_PALETTE = (
    "split[all][some];[some]palettegen=stats_mode=full[palette];[all][palette]paletteuse=dither=none"
)
_VARIABLE_RATE = (
    "settb=1/1000,setpts=125*floor(N/3)+if(eq(mod(N\\,3)\\,1)\\,20\\,if(eq(mod(N\\,3)\\,2)\\,90\\,0))"
)


def frame_times(row: Row) -> list[float]:
    """Return the time of each frame of the clip in seconds; _VARIABLE_RATE sets the same variable times."""
    count = ceil(_duration_s(row) * RATES[row["rate"]])
    if row["rate"] == "variable":
        return [0.125 * (number // 3) + (0.0, 0.02, 0.09)[number % 3] for number in range(count)]
    return [float(number / RATES[row["rate"]]) for number in range(count)]


def color_space_of(row: Row) -> ColorSpace:
    return JPEG if row["codec"] == "mjpeg" else SPACES[row["color"]]


def make_matrix_clip(row: Row, folder: Path) -> Path:
    """Make the clip and return its path. A second run writes the rotation, because the first cannot."""
    path = folder / f"clip.{_suffix(row)}"
    layout, source = make_layout(row), _Source(row)
    encoded = path if row["rotation"] == "0" else path.with_stem("unrotated")
    command = [
        *("-f", "rawvideo", "-pix_fmt", source.format, "-r", str(RATES[row["rate"]])),
        *("-s", "{}x{}".format(*layout.coded_px), *source.tags, "-i", "pipe:"),
        *("-vf", ",".join(source.filters), "-fps_mode", "passthrough", "-enc_time_base", "filter"),
        *("-c:v", *source.encoder, *source.tags, str(encoded)),
    ]
    _ffmpeg(command, b"".join(source.frames(layout)))
    if encoded != path:
        rotation = row["rotation"]
        matrix = ("-display_rotation", rotation) if rotation.isdigit() else (f"-display_{rotation}",)
        _ffmpeg([*matrix, "-i", str(encoded), "-c", "copy", str(path)])
        encoded.unlink()
    return path


def _duration_s(row: Row) -> float:
    """Return the duration that the clip needs, with a margin after the window."""
    speed, start = float(row["speed"]), STARTS[row["start"]]
    if row["loop"] == "crossfade":  # reads a second, and up to half a second before the window
        return max(start, speed / 2) + speed + 0.2
    return start + speed / 4 + 0.2


def _suffix(row: Row) -> str:
    is_mov = row["codec"] == "hevc" and row["range"] == "full"  # limited range is MP4
    return "mov" if is_mov else SUFFIXES[row["codec"]]


BlockValue = Callable[[str | int], int]
"""Returns the sample of a block: a color's name or the number of a bit."""


class _Source:
    """The samples of a row, and ffmpeg's options for encoding them."""

    def __init__(self, row: Row) -> None:
        self._row, self._space = row, color_space_of(row)
        codec, pixel_format = row["codec"], row["format"]
        self._is_full = row["range"] == "full"
        self._bits = 10 if pixel_format.endswith("p10") or codec == "prores" else 8
        self._has_alpha = pixel_format == "alpha"
        is_rgb_codec = codec in ("png", "ffv1", "raw", "gif")
        self._is_rgb = pixel_format == "rgb" or (self._has_alpha and is_rgb_codec)
        self.format = self._planar_format()
        self.tags = self._space.tags(full=self._is_full)
        self.encoder = self._encoder()

    def _planar_format(self) -> str:
        pixel_format, suffix = self._row["format"], "10le" if self._bits == 10 else ""
        if self._is_rgb:
            return f"gbr{'a' if self._has_alpha else ''}p"
        if pixel_format == "alpha":
            return "yuva444p10le" if self._row["codec"] == "prores" else "yuva420p"
        return "gray" if pixel_format == "gray" else f"{pixel_format.removesuffix('p10')}p{suffix}"

    def _encoder(self) -> Sequence[str]:
        codec, pixel_format = self._row["codec"], self._row["format"]
        if codec == "h264" and pixel_format == "rgb":
            return ("libx264rgb", *_ENCODERS[codec][1:])
        if codec == "raw" and pixel_format == "yuv422p10":
            return ("v210",)
        if codec == "png" and pixel_format == "rgb":
            return ("qtrle",)
        if codec == "prores":
            return (*_ENCODERS[codec], "-profile:v", "3" if pixel_format == "yuv422p10" else "4")
        if codec == "mpeg4":
            return (*_ENCODERS[codec], "-movflags", "+write_colr")
        return _ENCODERS[codec]

    @property
    def filters(self) -> list[str]:
        row = self._row
        stored = _STORED_FORMATS.get((row["codec"], row["format"]))
        return [
            f"setsar={row['sar'].replace('x', '/')}",
            *([_VARIABLE_RATE] if row["rate"] == "variable" else []),
            *([f"format={stored}"] if stored else []),
            *([_GIF_PALETTE] if row["codec"] == "gif" else []),
        ]

    def frames(self, layout: Layout) -> Iterator[bytes]:
        """Yield the planes of each frame."""
        planes = [_Plane(layout, *subsampling) for subsampling in self._subsampling()]
        samples = {name: self._samples(name) for name in PATCHES}
        for number in range(len(frame_times(self._row))):
            for index, plane in enumerate(planes):
                yield plane.render(self._value_of(samples, number, index), self._bits)

    def _value_of(self, samples: dict[str, Sequence[int]], number: int, plane: int) -> BlockValue:
        def value(name: str | int) -> int:
            if isinstance(name, int):
                name = "white" if number >> name & 1 else "dark"
            return samples[name][plane]

        return value

    def _samples(self, name: str) -> Sequence[int]:
        """Return the samples of a color in each plane. Purple is transparent in formats with alpha."""
        signal = to_signal(PATCHES[name], self._space)
        alpha = (0 if name == "purple" else 2**self._bits - 1,)
        if self._is_rgb:
            red, green, blue = (round(value * 255) for value in signal)
            return (green, blue, red, *alpha)
        return (*to_yuv(signal, self._space.matrix, full=self._is_full, bits=self._bits), *alpha)

    def _subsampling(self) -> list[tuple[int, int]]:
        """Return the horizontal and vertical subsampling factor of each plane."""
        if self.format == "gray":
            return [(1, 1)]
        chroma = (
            (1, 1) if self._is_rgb or "444" in self.format else (2, 1) if "422" in self.format else (2, 2)
        )
        return [(1, 1), chroma, chroma, *([(1, 1)] if self._has_alpha else [])]


class _Plane:
    """One plane, stored as bands of equal lines, each a sequence of runs of blocks."""

    def __init__(self, layout: Layout, x_factor: int, y_factor: int) -> None:
        width, height = layout.coded_px
        columns, lines = -(-width // x_factor), -(-height // y_factor)

        def blocks(y: int, step: int = 1) -> list[str | int]:
            centers = ((x + 0.5) * x_factor for x in range(0, columns, step))
            return [layout.block_at(x, (y + 0.5) * y_factor) for x in centers]

        # Lines with the same block in every fourth column are equal: no block is narrower.
        bands = (list(band) for _, band in groupby(range(lines), lambda y: blocks(y, step=4)))
        self._bands = [
            ([(name, len(list(run))) for name, run in groupby(blocks(band[0]))], len(band)) for band in bands
        ]

    def render(self, value: BlockValue, bits: int) -> bytes:
        size = 2 if bits > 8 else 1
        return b"".join(
            b"".join(value(name).to_bytes(size, "little") * length for name, length in runs) * lines
            for runs, lines in self._bands
        )


def _ffmpeg(arguments: Sequence[str], data: bytes = b"") -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments]
    done = subprocess.run(command, input=data, capture_output=True, timeout=120)
    assert done.returncode == 0, (arguments, done.stderr.decode())
