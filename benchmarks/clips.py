"""Choose the clips to convert: those on the command line, or those that `scenes` generates."""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg

from benchmarks.drawings import Frame
from benchmarks.filters import FPS
from benchmarks.measure import CommandFailed, run_and_capture
from benchmarks.scenes import LARGE, SCENES, Scene
from chromi.encoder import VideoInfo, probe_video
from chromi.errors import ChromiError

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
CACHE = Path(__file__).with_name(".clips")
SUFFIXES = frozenset((".mp4", ".mov", ".m4v", ".webm", ".mkv", ".gif"))

WINDOW_S = 6.0
FRAMES = round(WINDOW_S * FPS)
_DEFAULT_START_S = 1.0
_HD_HEIGHT_PX = 720
_COLOR_TAG_FILTERS = {
    "h264": "h264_metadata=matrix_coefficients=1",
    "hevc": "hevc_metadata=matrix_coefficients=1",
    "vp9": "vp9_metadata=color_space=bt709",
    "av1": "av1_metadata=matrix_coefficients=1",
}


class ClipSkipped(Exception):
    """A clip cannot be compared. The message is the reason."""


@dataclass(frozen=True)
class Clip:
    """A clip and the start of its window of six seconds. `scene` is set if the benchmark generated it."""

    name: str
    path: Path
    start_s: float
    info: VideoInfo
    note: str = ""
    scene: Scene | None = None

    @property
    def is_speed_only(self) -> bool:
        """Whether the clip is the large one, which is not rated for quality."""
        return self.scene is LARGE

    def to_dict(self) -> dict[str, Any]:
        """Return the properties and the checksum of the clip, without its path."""
        info = asdict(self.info)
        names = ("codec", "width_px", "height_px", "fps", "duration_s", "pixel_format", "color_matrix")
        digest = hashlib.sha256(self.path.read_bytes()).hexdigest()
        properties = {name: info[name] for name in names}
        return properties | {"start_s": self.start_s, "note": self.note, "sha256": digest}


def default_clips() -> list[Path]:
    """Return the nine default clips and the large one. Generates those that do not exist."""
    CACHE.mkdir(exist_ok=True)
    return [_generate_if_missing(scene) for scene in (*SCENES, LARGE)]


def find_clips(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the given files, and the clips in the given folders in the order of their names."""
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
        else:
            yield path


def open_clip(path: Path, folder: Path) -> Clip:
    """Probe a clip and choose its window. Raises ClipSkipped.

    Players and Chromi decode HD video without a tagged matrix as BT.709, a plain ffmpeg as BT.601. Such a
    clip is tagged as BT.709 in a copy in `folder`, so that all tools decode the same colors.
    """
    is_generated = path.resolve().parent == CACHE.resolve()
    scene = next((x for x in (*SCENES, LARGE) if is_generated and x.file_name == path.name), None)
    try:
        info = probe_video(path)
    except (ChromiError, OSError) as error:
        raise ClipSkipped(str(error)) from error
    if info.duration_s < WINDOW_S:
        raise ClipSkipped(f"{info.duration_s:.2f} s is shorter than the {WINDOW_S:g} s that are compared")
    if info.is_hdr:
        raise ClipSkipped("HDR: each tool maps its tones differently, so there is no common reference")
    if not _has_square_pixels(path):
        raise ClipSkipped("its pixels are not square: Chromi corrects that, the plain commands do not")
    start_s = _DEFAULT_START_S if info.duration_s >= _DEFAULT_START_S + WINDOW_S else 0.0
    note, bitstream_filter = "", _COLOR_TAG_FILTERS.get(info.codec)
    is_untagged = info.pixel_format.startswith("yuv") and info.color_matrix == "unknown"
    if is_untagged and bitstream_filter and min(info.width_px, info.height_px) >= _HD_HEIGHT_PX:
        path = _copy_with_tagged_colors(path, bitstream_filter, folder)
        info, note = probe_video(path), "colors tagged as BT.709 in a copy"
    return Clip(path.name, path, start_s, info, note, scene)


def _has_square_pixels(path: Path) -> bool:
    log = run_and_capture(
        [FFMPEG, "-i", path, "-map", "0:V:0", "-vf", "showinfo", "-frames:v", "1", "-f", "null", "-"]
    )
    aspect = re.search(r" n: *0 .* sar:(\d+)/(\d+) ", log)
    return not aspect or int(aspect[2]) == 0 or aspect[1] in ("0", aspect[2])


def _copy_with_tagged_colors(path: Path, bitstream_filter: str, folder: Path) -> Path:
    copy = folder / path.name
    run_and_capture(
        [FFMPEG, "-v", "error", "-i", path, "-map", "0:V:0", "-c", "copy", "-bsf:v", bitstream_filter, copy]
    )
    return copy


def _generate_if_missing(scene: Scene) -> Path:
    path = CACHE / scene.file_name
    if not path.exists():
        print(f"generating {scene.file_name}, once", flush=True)
        with tempfile.TemporaryDirectory(prefix="chromi-bench-") as folder:
            scene.write_images(Path(folder))
            # Some sources are full range, and none sets a matrix. With tags, no tool has to guess.
            colors = (
                "scale=out_color_matrix=bt709:out_range=tv,setparams=color_primaries=bt709:color_trc=bt709"
            )
            graph = f"{scene.graph.removesuffix('[out]')},setsar=1,{colors}[out]"
            partial = path.with_stem("partial")
            command = [FFMPEG, "-v", "error", "-nostdin", "-y", *scene.input_options]
            command += ["-filter_complex", graph, "-map", "[out]", "-t", str(scene.seconds), *scene.codec]
            if scene.draw:
                _encode_frames([*command, str(partial)], scene.draw())
            else:
                run_and_capture([*command, partial], cwd=Path(folder))
            partial.replace(path)
    return path


def _encode_frames(command: list[str], frames: Iterable[Frame]) -> None:
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin
        for frame in frames:
            process.stdin.write(frame.tobytes())
    if process.returncode:
        raise CommandFailed(f"ffmpeg ended with {process.returncode}")
