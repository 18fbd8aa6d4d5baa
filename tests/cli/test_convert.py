"""`python -m chromi convert` from a shell."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import RunCommand
from tests.support.paths import ROOT
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow


def test_convert_creates_gif_without_server(
    run_command: RunCommand, plain_clip: Path, tmp_path: Path
) -> None:
    gif = tmp_path / "out.gif"
    completed = run_command("convert", plain_clip, gif, "--start", "00:00:01", "--duration", "1")
    assert completed.returncode == 0, completed.stderr
    assert "24 frames" in completed.stdout
    with Image.open(gif) as image:
        assert (image.size, image.n_frames) == ((1280, 720), 24)
    assert not (tmp_path / "instance").exists(), "convert needs no instance folder"


def test_convert_says_what_a_size_limit_cost(
    run_command: RunCommand, plain_clip: Path, tmp_path: Path
) -> None:
    completed = run_command("convert", plain_clip, tmp_path / "out.gif", "--duration", "1", "--max-mb", "0.1")
    assert completed.returncode == 0, completed.stderr
    assert re.search(r"Reduced to 1\d frames per second to keep the colors\.", completed.stdout)


def test_convert_accepts_every_option(run_command: RunCommand, plain_clip: Path, tmp_path: Path) -> None:
    gif, poster = tmp_path / "out.gif", tmp_path / "out.jpg"
    completed = run_command(
        *("convert", plain_clip, gif, "--poster", poster),
        *("--start", "1", "--duration", "1", "--quality", "small"),
        *("--max-mb", "20", "--framing", "blur", "--focus", "0.3,0.7", "--pad", "#102030"),
        *("--size", "1920x1080", "--loop", "boomerang", "--speed", "1.5", "--reverse", "--short", "repeat"),
        *("--zoom", "1.5", "--crop-bars", "auto", "--blur", "2", "--brightness", "120", "--saturation", "50"),
        *("--darken", "30", "--threads", "1"),
    )
    assert completed.returncode == 0, completed.stderr
    with Image.open(gif) as image, Image.open(poster) as poster_image:
        assert (image.size, image.n_frames) == ((1920, 1080), 24)
        assert (poster_image.format, poster_image.size) == ("JPEG", (1920, 1080))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--start", "99"], "--start is 00:01:39.000, but the video is only 00:00:08"),
        (["--duration", "-3"], "uration"),
        (["--start", "soon", "--loop", "x"], "; --loop must be cut, crossfade or boomerang"),
        (["--zoom", "4"], "--zoom must be a number between 1 and 3"),
        (["--blur", "soft", "--crop-bars", "yes"], "--crop-bars must be auto or off"),
        (["--poster", "p.bmp"], "must end in .png, .jpg or .jpeg"),
        (["--threads", "65"], "1<=x<=64"),
    ],
)
def test_convert_reports_invalid_options(
    run_command: RunCommand, plain_clip: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    completed = run_command("convert", plain_clip, tmp_path / "out.gif", *options)
    assert completed.returncode != 0
    assert message in completed.stdout + completed.stderr
    assert "Traceback" not in completed.stderr
    assert not (tmp_path / "out.gif").exists()


@pytest.mark.parametrize(
    ("destination", "message"),
    [
        ("nowhere/out.gif", "Cannot write"),
        ("/dev/full", "is not a regular file"),
        ("clip.mp4", "is used for another file"),
    ],
)
def test_convert_checks_destination_before_converting(
    run_command: RunCommand, plain_clip: Path, tmp_path: Path, destination: str, message: str
) -> None:
    source = tmp_path / "clip.mp4"
    shutil.copy(plain_clip, source)
    completed = run_command("convert", source, tmp_path / destination)
    assert completed.returncode == 1
    assert message in completed.stderr
    assert source.read_bytes() == plain_clip.read_bytes()


def test_convert_accepts_file_names_that_look_like_options(
    run_command: RunCommand, plain_clip: Path, tmp_path: Path
) -> None:
    shutil.copy(plain_clip, tmp_path / "-in.mp4")
    completed = run_command("convert", "--duration", "1", "--", "-in.mp4", "-out.gif", cwd=str(tmp_path))
    assert completed.returncode == 0, completed.stderr
    assert (tmp_path / "-out.gif").exists()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_interrupted_convert_leaves_no_files(heavy_clip: Path, tmp_path: Path, signum: int) -> None:
    folder, work = tmp_path / "out", tmp_path / "work"
    folder.mkdir()
    work.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "chromi", "convert", str(heavy_clip), str(folder / "out.gif")],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(work)},
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: any(path.suffix == ".nut" for path in work.rglob("*")), "the first frames")
    process.send_signal(signum)
    assert process.wait(10) != 0
    assert list(folder.iterdir()) == list(work.iterdir()) == []


def test_convert_rejects_file_that_is_not_a_video(run_command: RunCommand, tmp_path: Path) -> None:
    source = tmp_path / "text.mp4"
    source.write_text("no video")
    completed = run_command("convert", source, tmp_path / "out.gif")
    assert completed.returncode != 0
    assert "read this file as a video" in completed.stderr
