"""ffmpeg runs inside its limits and never outlives whoever started it."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from chromi.encoder import capabilities
from chromi.encoder.capabilities import inspect_ffmpeg
from chromi.encoder.encoder_errors import ConverterKilled, DiskFull, EncodeError, FfmpegMissing, TimedOut
from chromi.encoder.process import sandbox
from chromi.encoder.process.ffmpeg import Limits, Outcome, find_ffmpeg, run
from tests.support.processes import converters
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

ENDLESS = ("-f", "lavfi", "-i", "testsrc2=size=1280x720", "-f", "null", "-")
SILENT = ("-v", "quiet", "-re", *ENDLESS)
MIB = 1024**2


def limits(*, wall_s: float = 20, file_bytes: int = MIB, memory_bytes: int = 4096 * MIB) -> Limits:
    return Limits(wall_s=wall_s, file_bytes=file_bytes, memory_bytes=memory_bytes)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> object:
    descriptors, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    yield
    assert converters() == []
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert threading.active_count() == threads


def test_output_and_log_come_line_by_line() -> None:
    output: list[str] = []
    log: list[str] = []
    outcome = run(["-version"], limits=limits(), on_output=output.append, on_log=log.append)
    outcome.check()
    assert output[0].startswith("ffmpeg version")


def test_a_failure_carries_the_end_of_the_log(tmp_path: Path) -> None:
    outcome = run(["-i", str(tmp_path / "missing.mp4")], limits=limits())
    with pytest.raises(EncodeError, match="No such file") as caught:
        outcome.check()
    assert "missing.mp4" not in caught.value.user_message


def test_the_clock_ends_it() -> None:
    start = time.monotonic()
    with pytest.raises(TimedOut):
        run(SILENT, limits=limits(wall_s=0.5))
    assert time.monotonic() - start < 1.5


def test_it_ticks_even_when_ffmpeg_is_silent() -> None:
    ticks: list[float] = []
    with pytest.raises(TimedOut):
        run(SILENT, limits=limits(wall_s=1.2), on_tick=lambda: ticks.append(time.monotonic()))
    assert max(later - earlier for earlier, later in zip(ticks, ticks[1:], strict=False)) < 0.25


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_whatever_is_raised_meanwhile_ends_it(error: type[BaseException]) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(error):
        run(SILENT, limits=limits(), on_tick=fail)


class OneProcessorSecond(Limits):
    cpu_s = 1


def test_the_processor_time_is_limited_by_the_kernel() -> None:
    outcome = run(ENDLESS, limits=OneProcessorSecond(wall_s=30, file_bytes=0))
    assert outcome.exit_code == -signal.SIGKILL


def test_no_file_grows_past_the_limit(tmp_path: Path) -> None:
    big = tmp_path / "big.yuv"
    outcome = run(
        ["-f", "lavfi", "-i", "testsrc2=size=1280x720", "-f", "rawvideo", "-y", str(big)],
        limits=limits(file_bytes=2 * MIB),
        writes=(big,),
    )
    assert outcome.exit_code == -signal.SIGXFSZ
    assert big.stat().st_size <= 2 * MIB


def test_memory_is_limited() -> None:
    """Seen with a program that says so: ffmpeg without memory may fail, hang, or end as if all were well."""
    allowed = [str(os.getpid()), "20", str(400 * MIB), str(MIB)]
    enclosed = ["-1", "-1", "-1", ""]
    program = [sys.executable, "-c", f"bytearray({500 * MIB})"]
    command = [*sandbox.LAUNCH, *allowed, *enclosed, *program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert "MemoryError" in done.stderr


@pytest.mark.parametrize("exit_code", [0, 244])
def test_running_out_of_memory_is_a_failure_whatever_ffmpeg_says(exit_code: int) -> None:
    outcome = Outcome(exit_code, "Error submitting packet to decoder: Cannot allocate memory")
    with pytest.raises(EncodeError):
        outcome.check()


def test_a_full_disk_is_told_from_a_broken_clip() -> None:
    full = Path("/dev/full")
    command = ["-f", "lavfi", "-i", "testsrc2", "-f", "rawvideo", "-y", str(full)]
    outcome = run(command, limits=limits(), writes=(full,))
    with pytest.raises(DiskFull):
        outcome.check()


def test_being_killed_says_nothing_of_the_clip() -> None:
    def kill() -> None:
        for process in converters():
            process.kill()

    outcome = run(SILENT, limits=limits(), on_tick=kill)
    with pytest.raises(ConverterKilled):
        outcome.check()


def test_it_runs_as_a_polite_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower priority, a group of its own, no core dumps, the first to go, and none of our environment."""
    monkeypatch.setenv("CHROMI_SECRET", "do not tell")
    seen: dict[str, object] = {}

    def look() -> None:
        (process,) = converters()
        if "launch.py" in " ".join(process.cmdline()) or seen:
            return
        seen["nice"] = process.nice()
        seen["environment"] = sorted(process.environ())
        seen["own group"] = os.getpgid(process.pid) == process.pid
        seen["limits"] = Path(f"/proc/{process.pid}/limits").read_text()
        seen["oom"] = Path(f"/proc/{process.pid}/oom_score_adj").read_text()
        seen["status"] = Path(f"/proc/{process.pid}/status").read_text()

    with pytest.raises(TimedOut):
        run(SILENT, limits=limits(wall_s=2), on_tick=look)
    assert seen["nice"] == psutil.Process().nice() + 10
    assert seen["environment"] == ["LANG", "PATH", "TMPDIR"]
    assert seen["own group"]
    assert "Max core file size        0" in str(seen["limits"])
    assert "NoNewPrivs:\t1" in str(seen["status"])
    assert seen["oom"] == "1000\n", "the first to end where memory is short"


def test_a_killed_parent_takes_ffmpeg_with_it(tmp_path: Path) -> None:
    program = textwrap.dedent(
        f"""
        from chromi.encoder.process.ffmpeg import Limits, run
        run({SILENT!r}, limits=Limits(60, 0), on_tick=lambda: print("tick", flush=True))
        """
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout
    parent.stdout.readline()
    wait_for(lambda: "ffmpeg" in only_child_of(parent.pid).name(), "ffmpeg to start")
    ffmpeg = only_child_of(parent.pid)
    parent.kill()
    parent.communicate()
    wait_for(lambda: not ffmpeg.is_running() or ffmpeg.status() == psutil.STATUS_ZOMBIE, "ffmpeg to end")


def only_child_of(pid: int) -> psutil.Process:
    (child,) = converters(pid)
    return child


def test_a_missing_binary_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "nowhere"))
    with pytest.raises(FfmpegMissing, match="nowhere"):
        find_ffmpeg()


def test_a_binary_that_does_not_start_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "ffmpeg"
    broken.write_bytes(b"\x7fELF but not really")
    broken.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(broken))
    with pytest.raises(FfmpegMissing):
        run(["-version"], limits=limits())


def test_the_bundled_ffmpeg_lacks_nothing() -> None:
    report = inspect_ffmpeg()
    assert report.missing == ()
    assert report.version
    assert report.path.is_file()


def test_an_encoder_that_is_lacking_is_named_even_if_its_decoder_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = capabilities.run

    def run_crippled(arguments: Sequence[str], *, on_output: Callable[[str], None], **kwargs: Any) -> Outcome:
        def read(line: str) -> None:
            if arguments != ["-encoders"] or " gif " not in line:
                on_output(line)

        return real(arguments, on_output=read, **kwargs)

    monkeypatch.setattr(capabilities, "run", run_crippled)
    assert inspect_ffmpeg().missing == ("the encoder gif",)
