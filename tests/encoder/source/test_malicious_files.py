"""Small files that promise the impossible end soon, in little memory, in a GIF or in a sentence."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from chromi.encoder import find_loops, loops, make_preview, preview, probe_video
from chromi.encoder.encoder_errors import TimedOut
from chromi.encoder.source import mp4_index, probe
from chromi.errors import ChromiError, NotAVideo
from tests.encoder.conftest import FULL_SIZE, Extract
from tests.support import malicious_files, playlists
from tests.support.canary import Canary, FileWatcher
from tests.support.clips import ffmpeg, make_clip
from tests.support.processes import find_ffmpeg_processes

pytestmark = pytest.mark.slow

JPEG = malicious_files.jpeg()
CALM = [(40 * number, JPEG) for number in range(25)]
ENOUGH_S = 15.0
"""Many times what any of these takes on an idle machine; a probe may take 20."""


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A second of MP4 as it should be."""
    return make_clip(tmp_path_factory.mktemp("movie") / "c.mp4", seconds=1, size="64x36").read_bytes()


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A movie of one PNG."""
    path = tmp_path_factory.mktemp("single") / "c.mov"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=1:duration=1", "-c:v", "png", path)
    return path.read_bytes()


class Meter:
    """How much memory our programs take, looked at ten times a second."""

    peak_bytes = 0

    def tick(self, *_: float) -> None:
        for process in find_ffmpeg_processes():
            try:
                self.peak_bytes = max(self.peak_bytes, process.memory_info().rss)
            except psutil.Error:
                continue  # it has just ended


REFUSED: dict[str, Callable[[bytes, bytes], bytes]] = {
    "boxes within boxes": lambda movie, single: malicious_files.nested_boxes(b"moov", 100_000),
    "a track within a track": lambda movie, single: malicious_files.nested_boxes(b"trak", 100_000),
    "30 million pictures": lambda movie, single: malicious_files.many_samples(movie, 30_000_000),
    "2 thousand million pictures": lambda movie, single: malicious_files.many_samples(movie, 2**31 - 1),
    "sixty tracks of 8 million": lambda movie, single: malicious_files.forged_tracks(movie, 8_000_000, 60),
    "key frames beyond their list": lambda movie, single: malicious_files.overlapping_lists(
        movie, malicious_files.list_box("stss", 240_000)
    ),
    "600 streams": lambda movie, single: malicious_files.many_tracks(movie, 600),
    "an edit before all time": lambda movie, single: malicious_files.edited_times(movie, 1000, -(2**31), 1),
    "a PNG of 16384x16384": lambda movie, single: malicious_files.replace_sample(
        single, malicious_files.large_png(16384), (16384, 16384)
    ),
    "one that says it is small": lambda movie, single: malicious_files.replace_sample(
        single, malicious_files.large_png(16384), (64, 36)
    ),
    "one that a decoder would take": lambda movie, single: malicious_files.replace_sample(
        single, malicious_files.large_png(16000), (64, 36)
    ),
    "JPEGs of 65500x65500": lambda movie, single: malicious_files.matroska(
        [(time, malicious_files.jpeg(claimed_px=(65500, 65500))) for time, _ in CALM]
    ),
    "pictures that unpack to 10 MB": lambda movie, single: malicious_files.matroska(
        [(time, malicious_files.bomb(9_900_000)) for time, _ in CALM[:10]], track=malicious_files.COMPRESSED
    ),
    "pictures that unpack to 100 MB": lambda movie, single: malicious_files.matroska(
        [(time, malicious_files.bomb(100_000_000)) for time, _ in CALM[:2]], track=malicious_files.COMPRESSED
    ),
    "a GIF of 65535x65535": lambda movie, single: malicious_files.gif(3, screen_px=(65535, 65535)),
}

READ: dict[str, Callable[[bytes], bytes]] = {
    "pictures of 68 years": lambda movie: malicious_files.long_samples(movie, 2**31 - 1),
    "an edit of 136 years": lambda movie: malicious_files.edited_times(movie, 2**32 - 1, 0, 1),
    "a length that is no number": lambda movie: malicious_files.matroska(
        CALM, info=malicious_files.element("4489", b"\x7f\xf8" + bytes(6))
    ),
    "the longest length": lambda movie: malicious_files.matroska(
        CALM, info=malicious_files.element("4489", b"\x7f\xef" + b"\xff" * 6)
    ),
    "600 tracks": lambda movie: malicious_files.matroska(CALM, tracks=600),
    "tags within tags": lambda movie: malicious_files.matroska(CALM, extra=malicious_files.nested_tags(5000)),
    "a million pictures of nothing": lambda movie: malicious_files.matroska(
        CALM, extra=malicious_files.laced_blocks(4000)
    ),
    "a 50,000-frame GIF": lambda movie: malicious_files.gif(50_000),
    "one that lasts a month": lambda movie: malicious_files.gif(5000, delay_cs=65535),
    "one that lasts no time": lambda movie: malicious_files.gif(5000, delay_cs=0),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_soon(name: str, movie: bytes, single: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(REFUSED[name](movie, single))
    meter, start = Meter(), time.monotonic()
    with pytest.raises(NotAVideo):
        probe_video(path, on_tick=meter.tick)
    assert time.monotonic() - start < ENOUGH_S
    assert meter.peak_bytes < probe.PROBE_MEMORY_BYTES
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", READ)
def test_of_what_can_be_read_the_window_is_taken(
    name: str, movie: bytes, tmp_path: Path, extract: Extract
) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(READ[name](movie))
    start = time.monotonic()
    extracted = extract(path, **FULL_SIZE)
    assert time.monotonic() - start < ENOUGH_S
    assert 1 <= extracted.count <= 24
    assert sum(file.stat().st_size for file in extracted.frames_path.parent.rglob("*")) < 20_000_000


@pytest.mark.parametrize("times", [(0, 2**40), (malicious_files.HUGE, malicious_files.HUGE + 10)])
@pytest.mark.parametrize("scale", [1, 1_000_000, 10**9])
def test_no_time_is_too_far(times: tuple[int, ...], scale: int, tmp_path: Path, extract: Extract) -> None:
    path = tmp_path / "c.mkv"
    path.write_bytes(malicious_files.matroska([(at, JPEG) for at in times], scale=scale))
    frames, status = 1, 200
    start = time.monotonic()
    try:
        frames = extract(path, **FULL_SIZE).count
    except ChromiError as error:
        status = error.status_code
    assert time.monotonic() - start < ENOUGH_S
    assert 1 <= frames <= 24
    assert status < 500, "the clip's fault, not ours"


def test_a_look_at_all_of_it_ends_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every picture stands for minutes, only as many are looked at as the time has that counts."""
    monkeypatch.setattr(loops, "_MAX_FRAMES", 24 * 60)
    monkeypatch.setattr(preview, "MAX_PREVIEW_S", 60)
    path, copy = tmp_path / "c.gif", tmp_path / "p.mp4"
    path.write_bytes(malicious_files.gif(5000, delay_cs=65535))
    start = time.monotonic()
    assert 1 <= len(find_loops(path)) <= 5
    make_preview(path, copy)
    assert time.monotonic() - start < ENOUGH_S
    assert probe_video(copy).duration_s == pytest.approx(60, abs=0.1)


def test_what_takes_too_long_is_stopped_by_the_clock(
    movie: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edit list of 100,000 entries, each of which ffmpeg looks up from the start, were it not refused."""
    monkeypatch.setattr(mp4_index, "MAX_EDITS", 10**9)
    monkeypatch.setattr(probe, "PROBE_TIMEOUT_S", 1.5)
    path = tmp_path / "c.mp4"
    path.write_bytes(malicious_files.edited_times(movie, 1000, 0, 100_000))
    start = time.monotonic()
    with pytest.raises(TimedOut):
        probe_video(path)
    assert time.monotonic() - start < 5


# -- files that name others ----------------------------------------------------------------------------------


@pytest.fixture
def sibling(movie: bytes, tmp_path: Path) -> Path:
    """Another visitor's upload, in the same folder."""
    path = tmp_path / "sibling.mp4"
    path.write_bytes(movie)
    return path


def test_pictures_in_another_file_are_not_fetched(
    movie: bytes, sibling: Path, canary: Canary, tmp_path: Path
) -> None:
    named = {
        "alis": malicious_files.external_reference(movie, b"alis", str(sibling)),
        "url": malicious_files.external_reference(movie, b"url ", f"file://{sibling}"),
        "address": malicious_files.external_reference(movie, b"url ", canary.url),
        "segments": malicious_files.matroska(
            CALM, info=malicious_files.linked_segments(sibling.name), extra=malicious_files.linked_chapters()
        ),
        "attachment": malicious_files.matroska(
            CALM, extra=malicious_files.attachment(f"../../{sibling}", bytes(2_000_000))
        ),
    }
    watched = FileWatcher(sibling)
    for name, content in named.items():
        path = tmp_path / name
        path.write_bytes(content)
        try:
            probe_video(path)
        except NotAVideo:
            assert name == "alis", "only QuickTime's own way takes the pictures away"
    assert not watched.was_opened
    watched.close()
    assert canary.connections == 0
    assert {path.name for path in tmp_path.iterdir()} == {*named, sibling.name}


@pytest.mark.parametrize("disguise", playlists.DISGUISES)
@pytest.mark.parametrize("kind", playlists.PLAYLIST_FORMATS)
def test_a_playlist_with_a_good_beginning_opens_nothing(
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
