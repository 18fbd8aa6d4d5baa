"""`python -m chromi find-loops` and `preview` from a shell."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chromi.encoder import probe_video
from tests.cli.conftest import RunCommand
from tests.support.paths import ROOT
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow


def test_find_loops_lists_best_starts_with_scores(run_command: RunCommand, plain_clip: Path) -> None:
    completed = run_command("find-loops", plain_clip, "--duration", "2", "--limit", "3")
    assert completed.returncode == 0, completed.stderr
    lines = [line.split() for line in completed.stdout.splitlines()]
    assert [rank for rank, _, _ in lines] == ["1", "2", "3"]
    assert all(start.startswith("00:00:0") and 0 <= int(score) <= 100 for _, start, score in lines)


def test_find_loops_prints_one_loop_for_short_clip_and_valid_json(
    run_command: RunCommand, plain_clip: Path
) -> None:
    completed = run_command("find-loops", plain_clip, "--duration", "10", "--json")
    assert completed.returncode == 0, completed.stderr
    (window,) = json.loads(completed.stdout)
    assert window.keys() == {"start_s", "duration_s", "score"}
    assert window["duration_s"] == pytest.approx(8)
    assert "The clip is only 00:00:08.000 long" in completed.stderr


def test_preview_creates_small_mp4(run_command: RunCommand, plain_clip: Path, tmp_path: Path) -> None:
    preview = tmp_path / "preview.mp4"
    completed = run_command("preview", plain_clip, preview)
    assert completed.returncode == 0, completed.stderr
    assert completed.stdout == f"{preview}: {preview.stat().st_size} bytes\n"
    info = probe_video(preview)
    assert (info.container, info.codec, info.pixel_format) == ("mov", "h264", "yuv420p")


def test_interrupted_preview_leaves_no_files(heavy_clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    command = [sys.executable, "-m", "chromi", "preview", str(heavy_clip), str(folder / "out.mp4")]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    wait_for(lambda: any(folder.iterdir()), "the first bytes")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) != 0
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["find-loops", "text.mp4"], "read this file as a video"),
        (["find-loops", "text.mp4", "--duration", "11"], "duration must be between 1 and 10 seconds"),
        (["preview", "text.mp4", "out.mp4"], "read this file as a video"),
        (["preview", "text.mp4", "text.mp4"], "is used for another file"),
        (["preview", "text.mp4", "nowhere/out.mp4"], "Cannot write"),
    ],
)
def test_find_loops_and_preview_report_errors_in_one_sentence(
    run_command: RunCommand, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    completed = run_command(*arguments, cwd=str(tmp_path))
    assert completed.returncode == 1
    assert message in completed.stderr
    assert "Traceback" not in completed.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["text.mp4"]
