"""ffmpeg and gifsicle work in the sandbox and access only the files that they were given."""

from pathlib import Path

import pytest

from chromi.encoder.encoder_errors import EncodeError
from chromi.encoder.gif import gifsicle
from chromi.encoder.process.ffmpeg import run_ffmpeg
from chromi.encoder.process.subprocess_runner import run_program
from tests.encoder.process.sandboxes import LIMITS, needs_full_sandbox
from tests.support.canary import Canary, FileWatcher
from tests.support.clips import ffmpeg, make_clip

pytestmark = needs_full_sandbox


@pytest.fixture(scope="module")
def other_upload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An upload of another visitor."""
    return make_clip(tmp_path_factory.mktemp("other") / "other.mp4", seconds=0.5, size="64x36")


def null_output(*options: str) -> list[str]:
    return [*options, "-f", "null", "-"]


def test_ffmpeg_reads_only_files_it_was_given(other_upload: Path) -> None:
    refused = run_ffmpeg(null_output("-i", str(other_upload)), limits=LIMITS)
    assert "Permission denied" in refused.log
    assert refused.exit_code
    run_ffmpeg(null_output("-i", str(other_upload)), limits=LIMITS, reads=(other_upload,)).check()


def test_ffmpeg_cannot_use_network(canary: Canary) -> None:
    assert run_ffmpeg(null_output("-i", canary.url), limits=LIMITS).exit_code
    udp_url = f"udp://127.0.0.1:{canary.port}?timeout=1"
    assert run_ffmpeg(null_output("-i", udp_url), limits=LIMITS).exit_code
    assert canary.connections == 0


def test_ffmpeg_writes_only_files_it_was_given(other_upload: Path, tmp_path: Path) -> None:
    given, other = tmp_path / "given.mp4", tmp_path / "other.mp4"
    copy = ("-y", "-i", str(other_upload), "-c", "copy")
    run_ffmpeg([*copy, str(given)], limits=LIMITS, reads=(other_upload,), writes=(given,)).check()
    assert given.stat().st_size > 1000
    refused = run_ffmpeg([*copy, str(other)], limits=LIMITS, reads=(other_upload,), writes=(given,))
    assert "Permission denied" in refused.log
    before = other_upload.read_bytes()
    overwrite = ["-y", "-i", str(given), "-c", "copy", str(other_upload)]
    assert run_ffmpeg(overwrite, limits=LIMITS, reads=(given, other_upload)).exit_code
    assert other_upload.read_bytes() == before
    assert not other.exists()


def test_sandbox_alone_stops_playlist_from_opening_files(
    other_upload: Path, canary: Canary, tmp_path: Path
) -> None:
    """ffmpeg runs without the arguments that reject playlists."""
    playlist = tmp_path / "list.txt"
    playlist.write_text(f"ffconcat version 1.0\nfile '{other_upload}'\nfile '{canary.url}'\n")
    watcher = FileWatcher(other_upload)
    whitelist = ("-protocol_whitelist", "file,http,tcp")
    read = null_output("-f", "concat", "-safe", "0", *whitelist, "-i", str(playlist))
    assert run_ffmpeg(read, limits=LIMITS, reads=(playlist,)).exit_code
    assert not watcher.was_opened
    assert run_ffmpeg(read, limits=LIMITS, reads=(playlist, other_upload)).exit_code == 0
    assert watcher.was_opened, "it is opened with permission"
    watcher.close()
    assert canary.connections == 0


def test_gifsicle_accesses_only_files_it_was_given(tmp_path: Path) -> None:
    gif, lossy, other = tmp_path / "made.gif", tmp_path / "lossy.gif", tmp_path / "other.gif"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x36:duration=0.5", gif)
    gifsicle.compress_lossy(gif, lossy, lossy=60, limits=LIMITS, on_tick=lambda: None)
    assert lossy.read_bytes()[:3] == b"GIF"
    command = [str(gifsicle.find_gifsicle()), "-O2", str(gif), "-o", str(other)]
    assert run_program(command, limits=LIMITS, reads=(gif,)).exit_code or not other.exists()
    result = run_program(command, limits=LIMITS, writes=(other,))
    assert "Permission denied" in result.log
    with pytest.raises(EncodeError):
        result.check()


@pytest.mark.parametrize("name", ["with spaces and ünïcode", "a:b,c;d", "-dash", "quote'd"])
def test_ffmpeg_accesses_files_in_folders_with_special_names(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    source, copy = folder / "c.mp4", folder / "o.mp4"
    source.symlink_to(make_clip(tmp_path / "c.mp4", seconds=0.2, size="32x32"))
    command = ["-y", "-i", f"file:{source}", "-c", "copy", f"file:{copy}"]
    run_ffmpeg(command, limits=LIMITS, reads=(source,), writes=(copy,)).check()
    assert copy.stat().st_size
