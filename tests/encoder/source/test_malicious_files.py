"""Malicious files are converted or rejected quickly, in little memory, without opening other files."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from chromi.encoder import find_loops, loops, make_preview, preview, probe_video
from chromi.encoder.encoder_errors import TimedOut
from chromi.encoder.source import mp4_index_check, probe
from chromi.errors import ChromiError, NotAVideo
from chromi.web.http.error_handlers import status_code_of
from tests.encoder.conftest import Extract
from tests.support import malicious_files, playlists
from tests.support.canary import Canary, FileWatcher
from tests.support.clips import ffmpeg, make_clip
from tests.support.processes import find_ffmpeg_processes

pytestmark = pytest.mark.slow

JPEG = malicious_files.jpeg()
SIMPLE_FRAMES = [(40 * number, JPEG) for number in range(25)]
MAX_TEST_S = 15.0
"""Many times as long as any of these takes on an idle machine; the timeout of a probe is 20 s."""


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The content of a valid MP4 of one second."""
    return make_clip(tmp_path_factory.mktemp("movie") / "c.mp4", seconds=1, size="64x36").read_bytes()


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The content of a MOV with a single PNG frame."""
    path = tmp_path_factory.mktemp("single") / "c.mov"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=1:duration=1", "-c:v", "png", path)
    return path.read_bytes()


class MemoryMeter:
    """The peak memory of the subprocesses, measured ten times a second."""

    peak_bytes = 0

    def tick(self, *_: float) -> None:
        for process in find_ffmpeg_processes():
            try:
                self.peak_bytes = max(self.peak_bytes, process.memory_info().rss)
            except psutil.Error:
                continue  # the process has just ended


REJECTED: dict[str, Callable[[bytes, bytes], bytes]] = {
    "nested boxes": lambda movie, single: malicious_files.nested_boxes(b"moov", 100_000),
    "nested tracks": lambda movie, single: malicious_files.nested_boxes(b"trak", 100_000),
    "30 million samples": lambda movie, single: malicious_files.many_samples(movie, 30_000_000),
    "2 billion samples": lambda movie, single: malicious_files.many_samples(movie, 2**31 - 1),
    "sixty tracks of 8 million samples": lambda movie, single: malicious_files.forged_tracks(
        movie, 8_000_000, 60
    ),
    "sync sample table beyond its box": lambda movie, single: malicious_files.overlapping_lists(
        movie, malicious_files.list_box("stss", 240_000)
    ),
    "600 streams": lambda movie, single: malicious_files.many_tracks(movie, 600),
    "an edit with a negative time": lambda movie, single: malicious_files.edited_times(
        movie, 1000, -(2**31), 1
    ),
    "a PNG of 16384x16384": lambda movie, single: malicious_files.replace_sample(
        single, malicious_files.large_png(16384), (16384, 16384)
    ),
    "a PNG of 16384x16384 in a track of 64x36": lambda movie, single: malicious_files.replace_sample(
        single, malicious_files.large_png(16384), (64, 36)
    ),
    "a PNG of 16000x16000 in a track of 64x36": lambda movie, single: malicious_files.replace_sample(
        single, malicious_files.large_png(16000), (64, 36)
    ),
    "JPEGs of 65500x65500": lambda movie, single: malicious_files.matroska(
        [(time, malicious_files.jpeg(claimed_px=(65500, 65500))) for time, _ in SIMPLE_FRAMES]
    ),
    "frames that decompress to 10 MB": lambda movie, single: malicious_files.matroska(
        [(time, malicious_files.bomb(9_900_000)) for time, _ in SIMPLE_FRAMES[:10]],
        track=malicious_files.COMPRESSED,
    ),
    "frames that decompress to 100 MB": lambda movie, single: malicious_files.matroska(
        [(time, malicious_files.bomb(100_000_000)) for time, _ in SIMPLE_FRAMES[:2]],
        track=malicious_files.COMPRESSED,
    ),
    "a GIF of 65535x65535": lambda movie, single: malicious_files.gif(3, screen_px=(65535, 65535)),
}

ACCEPTED: dict[str, Callable[[bytes], bytes]] = {
    "frames of 68 years": lambda movie: malicious_files.long_samples(movie, 2**31 - 1),
    "an edit of 136 years": lambda movie: malicious_files.edited_times(movie, 2**32 - 1, 0, 1),
    "a duration that is NaN": lambda movie: malicious_files.matroska(
        SIMPLE_FRAMES, info=malicious_files.element("4489", b"\x7f\xf8" + bytes(6))
    ),
    "the largest duration": lambda movie: malicious_files.matroska(
        SIMPLE_FRAMES, info=malicious_files.element("4489", b"\x7f\xef" + b"\xff" * 6)
    ),
    "600 tracks": lambda movie: malicious_files.matroska(SIMPLE_FRAMES, tracks=600),
    "nested tags": lambda movie: malicious_files.matroska(
        SIMPLE_FRAMES, extra=malicious_files.nested_tags(5000)
    ),
    "a million empty frames": lambda movie: malicious_files.matroska(
        SIMPLE_FRAMES, extra=malicious_files.laced_blocks(4000)
    ),
    "a 50,000-frame GIF": lambda movie: malicious_files.gif(50_000),
    "a GIF that lasts a month": lambda movie: malicious_files.gif(5000, delay_cs=65535),
    "a GIF with delays of 0": lambda movie: malicious_files.gif(5000, delay_cs=0),
}


@pytest.mark.parametrize("name", REJECTED)
def test_file_is_rejected_quickly_in_little_memory(
    name: str, movie: bytes, single: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(REJECTED[name](movie, single))
    meter, start = MemoryMeter(), time.monotonic()
    with pytest.raises(NotAVideo):
        probe_video(path, on_tick=meter.tick)
    assert time.monotonic() - start < MAX_TEST_S
    assert meter.peak_bytes < probe.PROBE_MEMORY_BYTES
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ACCEPTED)
def test_window_of_unusual_file_is_extracted_quickly(
    name: str, movie: bytes, tmp_path: Path, extract: Extract
) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(ACCEPTED[name](movie))
    start = time.monotonic()
    kept = extract(path)
    assert time.monotonic() - start < MAX_TEST_S
    assert 1 <= kept.count <= 24
    assert sum(file.stat().st_size for file in kept.frames_path.parent.rglob("*")) < 2_000_000


@pytest.mark.parametrize("times", [(0, 2**40), (malicious_files.HUGE, malicious_files.HUGE + 10)])
@pytest.mark.parametrize("scale", [1, 1_000_000, 10**9])
def test_any_timestamps_are_handled_quickly(
    times: tuple[int, ...], scale: int, tmp_path: Path, extract: Extract
) -> None:
    path = tmp_path / "c.mkv"
    path.write_bytes(malicious_files.matroska([(at, JPEG) for at in times], scale=scale))
    frames, status = 1, 200
    start = time.monotonic()
    try:
        frames = extract(path).count
    except ChromiError as error:
        status = status_code_of(error)
    assert time.monotonic() - start < MAX_TEST_S
    assert 1 <= frames <= 24
    assert status < 500, "the error is the file's fault"


def test_analysis_of_a_very_long_clip_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each frame lasts for minutes, but only frames within the time limit are decoded."""
    monkeypatch.setattr(loops, "_MAX_FRAMES", 24 * 60)
    monkeypatch.setattr(preview, "MAX_PREVIEW_S", 60)
    path, preview_path = tmp_path / "c.gif", tmp_path / "p.mp4"
    path.write_bytes(malicious_files.gif(5000, delay_cs=65535))
    start = time.monotonic()
    assert 1 <= len(find_loops(path)) <= 5
    make_preview(path, preview_path)
    assert time.monotonic() - start < MAX_TEST_S
    assert probe_video(preview_path).duration_s == pytest.approx(60, abs=0.1)


def test_slow_probe_is_stopped_by_the_timeout(
    movie: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 100,000 edits ffmpeg searches the list from its start for each one; normally they are rejected."""
    monkeypatch.setattr(mp4_index_check, "MAX_EDITS", 10**9)
    monkeypatch.setattr(probe, "PROBE_TIMEOUT_S", 1.5)
    path = tmp_path / "c.mp4"
    path.write_bytes(malicious_files.edited_times(movie, 1000, 0, 100_000))
    start = time.monotonic()
    with pytest.raises(TimedOut):
        probe_video(path)
    assert time.monotonic() - start < 5


# -- references to other files -------------------------------------------------------------------------------


@pytest.fixture
def sibling(movie: bytes, tmp_path: Path) -> Path:
    """An upload of another user in the same folder."""
    path = tmp_path / "sibling.mp4"
    path.write_bytes(movie)
    return path


def test_references_to_other_files_are_not_opened(
    movie: bytes, sibling: Path, canary: Canary, tmp_path: Path
) -> None:
    contents = {
        "alis": malicious_files.external_reference(movie, b"alis", str(sibling)),
        "url": malicious_files.external_reference(movie, b"url ", f"file://{sibling}"),
        "address": malicious_files.external_reference(movie, b"url ", canary.url),
        "segments": malicious_files.matroska(
            SIMPLE_FRAMES,
            info=malicious_files.linked_segments(sibling.name),
            extra=malicious_files.linked_chapters(),
        ),
        "attachment": malicious_files.matroska(
            SIMPLE_FRAMES, extra=malicious_files.attachment(f"../../{sibling}", bytes(2_000_000))
        ),
    }
    watched = FileWatcher(sibling)
    for name, content in contents.items():
        path = tmp_path / name
        path.write_bytes(content)
        try:
            probe_video(path)
        except NotAVideo:
            assert name == "alis", "only a QuickTime alias removes the frames"
    assert not watched.was_opened
    watched.close()
    assert canary.connections == 0
    assert {path.name for path in tmp_path.iterdir()} == {*contents, sibling.name}


@pytest.mark.parametrize("disguise", playlists.DISGUISES)
@pytest.mark.parametrize("kind", playlists.PLAYLIST_FORMATS)
def test_playlist_with_a_valid_signature_opens_no_other_files(
    kind: str, disguise: str, sibling: Path, canary: Canary, tmp_path: Path
) -> None:
    path = tmp_path / "c.webm"
    text = playlists.make_playlists(sibling, canary.url)[kind]
    path.write_bytes(playlists.DISGUISES[disguise] + text)
    watched = FileWatcher(sibling)
    with pytest.raises(NotAVideo):
        probe_video(path)
    assert not watched.was_opened
    watched.close()
    assert canary.connections == 0
