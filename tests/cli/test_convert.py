"""The command line, as a person at a shell sees it."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from chromi.db import Job, State, database, open_database
from chromi.encoder import ConversionOptions, probe_video
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def clip(plain_clip: Path) -> Path:
    return plain_clip


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(
        *arguments: str | Path, cwd: str = str(ROOT), **environ: str
    ) -> "subprocess.CompletedProcess[str]":
        paths = {"CHROMI_INSTANCE": str(tmp_path / "instance"), "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, "-m", "chromi", *map(str, arguments)],
            cwd=cwd,
            env=os.environ | paths | environ,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.mark.slow
def test_convert_creates_gif_without_server(run: Run, clip: Path, tmp_path: Path) -> None:
    gif = tmp_path / "out.gif"
    done = run("convert", clip, gif, "--start", "00:00:01", "--duration", "1")
    assert done.returncode == 0, done.stderr
    assert "24 frames" in done.stdout
    with Image.open(gif) as image:
        assert (image.size, image.n_frames) == ((1280, 720), 24)
    assert not (tmp_path / "instance").exists(), "no server's folder is needed"


@pytest.mark.slow
def test_convert_accepts_every_option(run: Run, clip: Path, tmp_path: Path) -> None:
    gif, poster = tmp_path / "out.gif", tmp_path / "out.jpg"
    done = run(
        *("convert", clip, gif, "--poster", poster, "--start", "1", "--duration", "1", "--quality", "small"),
        *("--max-mb", "20", "--framing", "blur", "--focus", "0.3,0.7", "--pad", "#102030"),
        *("--size", "1920x1080", "--loop", "crossfade", "--speed", "1.5", "--reverse", "--short", "repeat"),
        *("--threads", "1"),
    )
    assert done.returncode == 0, done.stderr
    with Image.open(gif) as image, Image.open(poster) as still:
        assert (image.size, image.n_frames) == ((1920, 1080), 24)
        assert (still.format, still.size) == ("JPEG", (1920, 1080))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--start", "99"], "00:00:08"),
        (["--duration", "-3"], "uration"),
        (["--start", "soon", "--loop", "x"], "loop must be cut, crossfade or boomerang"),
        (["--poster", "p.bmp"], "must end in .png, .jpg or .jpeg"),
        (["--threads", "65"], "1<=x<=64"),
    ],
)
def test_convert_reports_invalid_options(
    run: Run, clip: Path, tmp_path: Path, options: list[str], words: str
) -> None:
    done = run("convert", clip, tmp_path / "out.gif", *options)
    assert done.returncode != 0
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.gif").exists()


@pytest.mark.parametrize(
    ("destination", "words"),
    [
        ("nowhere/out.gif", "Cannot write"),
        ("/dev/full", "no ordinary file"),
        ("clip.mp4", "overwrite the clip"),
    ],
)
def test_convert_checks_destination_before_converting(
    run: Run, clip: Path, tmp_path: Path, destination: str, words: str
) -> None:
    source = tmp_path / "clip.mp4"
    shutil.copy(clip, source)
    done = run("convert", source, tmp_path / destination)
    assert done.returncode == 1
    assert words in done.stderr
    assert source.read_bytes() == clip.read_bytes()


@pytest.mark.slow
def test_convert_accepts_file_names_that_look_like_options(run: Run, clip: Path, tmp_path: Path) -> None:
    shutil.copy(clip, tmp_path / "-in.mp4")
    done = run("convert", "--duration", "1", "--", "-in.mp4", "-out.gif", cwd=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "-out.gif").exists()


@pytest.mark.slow
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


@pytest.mark.parametrize("command", ["serve", "doctor", "jobs", "cleanup"])
def test_unusable_instance_is_reported_in_one_sentence(run: Run, tmp_path: Path, command: str) -> None:
    (tmp_path / "instance").write_text("a file, not a folder")
    done = run(command)
    assert done.returncode == 1
    assert "Cannot use" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("command", "trouble", "words"),
    [
        ("serve", "damaged", "is damaged"),
        ("serve", "newer", "Start the newer Chromi"),
        ("web", "damaged", "is damaged"),
        ("web", "damaged queue", "is made again from the rows"),
    ],
)
def test_unusable_database_stops_the_start(
    run: Run, tmp_path: Path, command: str, trouble: str, words: str
) -> None:
    break_database(tmp_path / "instance", trouble)
    done = run(command)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("trouble", ["newer", "damaged queue"])
def test_unusable_database_stops_the_consumer(tmp_path: Path, trouble: str) -> None:
    break_database(tmp_path, trouble)
    done = subprocess.run(
        [sys.executable, "-m", "huey.bin.huey_consumer", "worker.huey"],
        cwd=ROOT,
        env=os.environ | {"CHROMI_INSTANCE": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    [line] = done.stdout.splitlines()
    assert json.loads(line)["level"] == "critical"
    assert done.stderr == ""


def break_database(instance: Path, trouble: str) -> None:
    instance.mkdir(exist_ok=True)
    if trouble.startswith("damaged"):
        name = "queue.db" if trouble == "damaged queue" else "chromi.db"
        (instance / name).write_bytes(b"SQLite format 3\0" + b"\xff" * 8176)
        return
    with closing(sqlite3.connect(instance / "chromi.db")) as connection:
        connection.execute("PRAGMA user_version = 999")


def test_convert_rejects_file_that_is_not_a_video(run: Run, tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    done = run("convert", text, tmp_path / "out.gif")
    assert done.returncode != 0
    assert "not a video" in done.stderr


def test_find_loops_lists_best_starts_with_scores(run: Run, clip: Path) -> None:
    done = run("find-loops", clip, "--duration", "2", "--limit", "3")
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [rank for rank, _, _ in lines] == ["1", "2", "3"]
    assert all(start.startswith("00:00:0") and 0 <= int(score) <= 100 for _, start, score in lines)


@pytest.mark.slow
def test_find_loops_prints_one_loop_for_short_clip_and_valid_json(run: Run, clip: Path) -> None:
    done = run("find-loops", clip, "--duration", "10", "--json")
    assert done.returncode == 0, done.stderr
    (window,) = json.loads(done.stdout)
    assert window.keys() == {"start_s", "duration_s", "score"}
    assert window["duration_s"] == pytest.approx(8)
    assert "The clip is only 00:00:08.000 long" in done.stderr


@pytest.mark.slow
def test_preview_creates_small_mp4(run: Run, clip: Path, tmp_path: Path) -> None:
    made = tmp_path / "preview.mp4"
    done = run("preview", clip, made)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{made}: {made.stat().st_size} bytes\n"
    info = probe_video(made)
    assert (info.container, info.codec, info.pixel_format) == ("mov", "h264", "yuv420p")


@pytest.mark.slow
def test_interrupted_preview_leaves_no_files(heavy_clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    command = [sys.executable, "-m", "chromi", "preview", str(heavy_clip), str(folder / "out.mp4")]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    wait_for(lambda: any(folder.iterdir()), "the first bytes")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) != 0
    assert list(folder.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["find-loops", "text.mp4"], "not a video"),
        (["find-loops", "text.mp4", "--duration", "11"], "duration must be between 1 and 10 seconds"),
        (["preview", "text.mp4", "out.mp4"], "not a video"),
        (["preview", "text.mp4", "text.mp4"], "would overwrite"),
        (["preview", "text.mp4", "nowhere/out.mp4"], "Cannot write"),
    ],
)
def test_find_loops_and_preview_report_errors_in_one_sentence(
    run: Run, tmp_path: Path, arguments: list[str], words: str
) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    done = run(*arguments, cwd=str(tmp_path))
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["text.mp4"]


def test_doctor_reports_missing_worker(run: Run) -> None:
    done = run("doctor")
    assert done.returncode == 1
    lines = {line.split()[1]: line.split()[0] for line in done.stdout.splitlines()}
    assert lines == {
        "database": "ok",
        "queue": "ok",
        "worker": "FAIL",
        "ffmpeg": "ok",
        "gifsicle": "ok",
        "sandbox": "ok",
        "disk": "ok",
        "hosts": "ok",
    }


def test_doctor_reports_healthy_service(run: Run) -> None:
    assert run("doctor", CHROMI_INLINE="true").returncode == 0


def test_doctor_reports_missing_ffmpeg(run: Run) -> None:
    done = run("doctor", CHROMI_INLINE="true", IMAGEIO_FFMPEG_EXE="/nonexistent/ffmpeg")
    assert done.returncode == 1
    assert "FAIL  ffmpeg" in done.stdout
    assert "Traceback" not in done.stderr


def test_jobs_marks_stuck_jobs(run: Run, tmp_path: Path) -> None:
    open_database(tmp_path / "instance")
    with database.connection_context():
        long_ago = time.time() - 1000
        options_json = ConversionOptions().to_dict()
        stuck = Job.create(
            options_json=options_json, state=State.IN_PROGRESS, heartbeat_at=long_ago, created_at=long_ago
        )
        alive = Job.create(options_json=options_json, state=State.IN_PROGRESS, heartbeat_at=time.time())
    lines = {line.split()[0]: line for line in run("jobs").stdout.splitlines()}
    assert lines[stuck.id].endswith("STUCK")
    assert "STUCK" not in lines[alive.id]


def test_cleanup_reports_counts(run: Run, tmp_path: Path) -> None:
    uploads = tmp_path / "instance/media/uploads"
    uploads.mkdir(parents=True)
    orphan = uploads / "incoming-x"
    orphan.write_bytes(b"x")
    os.utime(orphan, (1, 1))
    done = run("cleanup")
    assert done.returncode == 0
    assert "orphans removed: 1" in done.stdout
    assert not orphan.exists()
