"""Which clips are converted: those that were given, or those that `scenes` makes."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg

from benchmarks.measure import ask
from benchmarks.scenes import LARGE, SCENES, Scene
from chromi.encoder import VideoInfo, probe_video
from chromi.errors import ChromiError

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
CACHE = Path(__file__).with_name(".clips")
SUFFIXES = frozenset((".mp4", ".mov", ".m4v", ".webm", ".mkv", ".gif"))

WINDOW_S = 6.0
WIDTH_PX, HEIGHT_PX, FPS = 1280, 720, 24
FRAMES = round(WINDOW_S * FPS)
_USUAL_START_S = 1.0
_HD_HEIGHT_PX = 720
_CAN_NAME_COLORS = {
    "h264": "h264_metadata=matrix_coefficients=1",
    "hevc": "hevc_metadata=matrix_coefficients=1",
    "vp9": "vp9_metadata=color_space=bt709",
    "av1": "av1_metadata=matrix_coefficients=1",
}


class Skipped(Exception):
    """A clip cannot be compared; the message says why."""


@dataclass(frozen=True)
class Clip:
    """A clip and its window of six seconds; `only_floor` for the one that is there for speed alone."""

    name: str
    path: Path
    start_s: float
    info: VideoInfo
    note: str = ""
    only_floor: bool = False

    @property
    def is_full_hd_h264(self) -> bool:
        return self.info.codec == "h264" and sorted((self.info.width_px, self.info.height_px)) == [1080, 1920]

    def facts(self) -> dict[str, Any]:
        """Return what identifies the clip, without where it lies."""
        info = asdict(self.info)
        kept = ("codec", "width_px", "height_px", "fps", "duration_s", "pixel_format", "color_matrix")
        digest = hashlib.sha256(self.path.read_bytes()).hexdigest()
        facts = {name: info[name] for name in kept if name in info}
        return facts | {"start_s": self.start_s, "note": self.note, "sha256": digest}


def default_clips() -> list[Path]:
    """Return the five default clips and the large one, made now unless they have been made before."""
    CACHE.mkdir(exist_ok=True)
    return [_made(scene) for scene in (*SCENES, LARGE)]


def find_clips(given: Iterable[Path]) -> Iterator[Path]:
    """Yield the given files, and the clips in the given folders by name."""
    for path in given:
        if path.is_dir():
            yield from sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
        else:
            yield path


def open_clip(path: Path, folder: Path) -> Clip:
    """Look at a clip and choose its window. Raises Skipped.

    HD without a named matrix is BT.709 to every player and to Chromi, and BT.601 to a plain ffmpeg. That
    would be a comparison of guesses: such a clip's colors are named in a copy (in `folder`) that all read.
    """
    try:
        info = probe_video(path)
    except (ChromiError, OSError) as error:
        raise Skipped(str(error)) from error
    if info.duration_s < WINDOW_S:
        raise Skipped(f"{info.duration_s:.2f} s is shorter than the {WINDOW_S:g} s that are compared")
    if info.is_hdr:
        raise Skipped("HDR: each tool maps its tones differently, there is nothing to compare with")
    if not _has_square_pixels(path):
        raise Skipped("its pixels are not square: Chromi sets that right, the plain commands do not")
    start_s = _USUAL_START_S if info.duration_s >= _USUAL_START_S + WINDOW_S else 0.0
    note, bitstream_filter = "", _CAN_NAME_COLORS.get(info.codec)
    is_nameless = info.pixel_format.startswith("yuv") and info.color_matrix == "unknown"
    if is_nameless and bitstream_filter and min(info.width_px, info.height_px) >= _HD_HEIGHT_PX:
        path = _with_named_colors(path, bitstream_filter, folder)
        info, note = probe_video(path), "colors named BT.709 in a copy"
    return Clip(path.name, path, start_s, info, note, only_floor=path.name == LARGE.file_name)


def _has_square_pixels(path: Path) -> bool:
    log = ask([FFMPEG, "-i", path, "-map", "0:V:0", "-vf", "showinfo", "-frames:v", "1", "-f", "null", "-"])
    aspect = re.search(r" n: *0 .* sar:(\d+)/(\d+) ", log)
    return not aspect or int(aspect[2]) == 0 or aspect[1] in ("0", aspect[2])


def _with_named_colors(path: Path, bitstream_filter: str, folder: Path) -> Path:
    copy = folder / path.name
    ask([FFMPEG, "-v", "error", "-i", path, "-map", "0:V:0", "-c", "copy", "-bsf:v", bitstream_filter, copy])
    return copy


def _made(scene: Scene) -> Path:
    path = CACHE / scene.file_name
    if not path.exists():
        print(f"making {scene.file_name}, once", flush=True)
        with tempfile.TemporaryDirectory(prefix="chromi-bench-") as folder:
            scene.stills(Path(folder))
            # Some sources are full range, and all leave their matrix open: no tool should have to guess.
            colors = (
                "scale=out_color_matrix=bt709:out_range=tv,setparams=color_primaries=bt709:color_trc=bt709"
            )
            graph = f"{scene.graph.removesuffix('[out]')},setsar=1,{colors}[out]"
            partial = path.with_stem("partial")
            command = [FFMPEG, "-v", "error", "-nostdin", "-y", "-filter_complex", graph, "-map", "[out]"]
            ask([*command, "-t", str(scene.seconds), *scene.codec, partial], cwd=Path(folder))
            partial.replace(path)
    return path
