"""ffmpeg runs within its limits and ends when its parent does."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from chromi.encoder import capabilities
from chromi.encoder.capabilities import inspect_ffmpeg
from chromi.encoder.encoder_errors import ConverterKilled, EncodeError, FfmpegMissing, TimedOut
from chromi.encoder.process import sandbox
from chromi.encoder.process.ffmpeg import find_ffmpeg, run_ffmpeg
from chromi.encoder.process.subprocess_runner import ProcessLimits, ProcessResult, run_program
from chromi.errors import DiskFull
from tests.encoder.process.sandboxes import UNRESTRICTED
from tests.support.processes import find_ffmpeg_processes
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

ENDLESS = ("-f", "lavfi", "-i", "testsrc2=size=1280x720", "-f", "null", "-")
SILENT = ("-v", "quiet", "-re", *ENDLESS)
MIB = 1024**2


def limits(
    *, timeout_s: float = 20, max_file_bytes: int = MIB, max_memory_bytes: int = 4096 * MIB
) -> ProcessLimits:
    return ProcessLimits(timeout_s, max_file_bytes, max_memory_bytes)


@pytest.fixture(autouse=True)
def resource_leak_check() -> Iterator[None]:
    """Fail if a test leaves processes, file descriptors or threads behind."""
    gc.collect()  # closes what earlier tests have left
    descriptors, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    yield
    assert find_ffmpeg_processes() == []
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert threading.active_count() == threads


def test_output_and_log_are_read_line_by_line() -> None:
    output: list[str] = []
    log: list[str] = []
    result = run_ffmpeg(["-version"], limits=limits(), on_output=output.append, on_log=log.append)
    result.check()
    assert output[0].startswith("ffmpeg version")


def test_error_contains_end_of_log(tmp_path: Path) -> None:
    result = run_ffmpeg(["-i", str(tmp_path / "missing.mp4")], limits=limits())
    with pytest.raises(EncodeError, match="No such file") as caught:
        result.check()
    assert "missing.mp4" not in caught.value.user_message


def test_timeout_kills_ffmpeg() -> None:
    start = time.monotonic()
    with pytest.raises(TimedOut):
        run_ffmpeg(SILENT, limits=limits(timeout_s=0.5))
    assert time.monotonic() - start < 5


def test_timeout_kills_a_program_that_closes_its_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sandbox, "detect_sandbox", lambda: UNRESTRICTED
    )  # Python needs more files than ffmpeg
    code = "import os, time; os.close(1); os.close(2); time.sleep(60)"
    start = time.monotonic()
    with pytest.raises(TimedOut):
        run_program([sys.executable, "-c", code], limits=limits(timeout_s=0.5))
    assert time.monotonic() - start < 5


def test_on_tick_is_called_while_ffmpeg_is_silent() -> None:
    ticks: list[float] = []
    with pytest.raises(TimedOut):
        run_ffmpeg(SILENT, limits=limits(timeout_s=1.2), on_tick=lambda: ticks.append(time.monotonic()))
    assert max(later - earlier for earlier, later in zip(ticks, ticks[1:], strict=False)) < 0.25


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_exception_in_callback_kills_ffmpeg(error: type[BaseException]) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(error):
        run_ffmpeg(SILENT, limits=limits(), on_tick=fail)


class OneCpuSecond(ProcessLimits):
    max_cpu_s = 1


def test_cpu_limit_kills_ffmpeg() -> None:
    result = run_ffmpeg(ENDLESS, limits=OneCpuSecond(timeout_s=30, max_file_bytes=0))
    assert result.exit_code == -signal.SIGKILL


def test_file_size_is_limited(tmp_path: Path) -> None:
    big = tmp_path / "big.yuv"
    result = run_ffmpeg(
        ["-f", "lavfi", "-i", "testsrc2=size=1280x720", "-f", "rawvideo", "-y", str(big)],
        limits=limits(max_file_bytes=2 * MIB),
        writes=(big,),
    )
    assert result.exit_code == -signal.SIGXFSZ
    assert big.stat().st_size <= 2 * MIB


def test_memory_is_limited() -> None:
    """Python reports the failure reliably. ffmpeg without memory may fail, hang, or exit with 0."""
    launcher_limits = [str(os.getpid()), "20", str(400 * MIB), str(MIB)]
    no_sandbox = ["-1", "-1", "-1", ""]
    program = [sys.executable, "-c", f"bytearray({500 * MIB})"]
    command = [*sandbox.LAUNCHER_COMMAND, *launcher_limits, *no_sandbox, *program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert "MemoryError" in done.stderr


def test_lower_limits_of_the_host_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the right to raise them, the launcher must not try."""
    lower_limits = (
        "import os, resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({3072 * MIB}, {3072 * MIB}))\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))\n"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    monkeypatch.setattr(
        sandbox, "LAUNCHER_COMMAND", (sys.executable, "-c", lower_limits, *sandbox.LAUNCHER_COMMAND)
    )
    monkeypatch.setattr(sandbox, "detect_sandbox", lambda: UNRESTRICTED)
    lines: list[str] = []
    run_program(["/bin/cat", "/proc/self/limits"], limits=limits(), on_output=lines.append).check()
    hard_limits = {line[:25].strip(): line[47:68].strip() for line in lines}
    assert (hard_limits["Max address space"], hard_limits["Max open files"]) == (str(3072 * MIB), "32")


@pytest.mark.parametrize("exit_code", [0, 244])
def test_allocation_failure_is_an_error_for_every_exit_code(exit_code: int) -> None:
    result = ProcessResult(exit_code, "Error submitting packet to decoder: Cannot allocate memory")
    with pytest.raises(EncodeError):
        result.check()


def test_full_disk_raises_disk_full() -> None:
    full = Path("/dev/full")
    command = ["-f", "lavfi", "-i", "testsrc2", "-f", "rawvideo", "-y", str(full)]
    result = run_ffmpeg(command, limits=limits(), writes=(full,))
    with pytest.raises(DiskFull):
        result.check()


def test_killed_ffmpeg_raises_converter_killed() -> None:
    def kill() -> None:
        for process in find_ffmpeg_processes():
            process.kill()

    result = run_ffmpeg(SILENT, limits=limits(), on_tick=kill)
    with pytest.raises(ConverterKilled):
        result.check()


def read_attributes(process: psutil.Process) -> dict[str, object]:
    proc_dir = Path(f"/proc/{process.pid}")
    return {
        "nice": process.nice(),
        "environment": sorted(process.environ()),
        "is group leader": os.getpgid(process.pid) == process.pid,
        "limits": (proc_dir / "limits").read_text(),
        "oom score": (proc_dir / "oom_score_adj").read_text(),
        "status": (proc_dir / "status").read_text(),
    }


def test_ffmpeg_runs_with_low_priority_and_without_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It also has its own process group, no core dumps, and the highest OOM score."""
    monkeypatch.setenv("CHROMI_SECRET", "a secret")
    attributes: list[dict[str, object]] = []

    def inspect() -> None:
        (process,) = find_ffmpeg_processes()
        if not attributes and sandbox.LAUNCHER_COMMAND[-1] not in process.cmdline():
            attributes.append(read_attributes(process))

    with pytest.raises(TimedOut):
        run_ffmpeg(SILENT, limits=limits(timeout_s=2), on_tick=inspect)
    (found,) = attributes
    assert found["nice"] == psutil.Process().nice() + 10
    assert found["environment"] == ["LANG", "PATH", "TMPDIR"]
    assert found["is group leader"]
    assert "Max core file size        0" in str(found["limits"])
    assert "NoNewPrivs:\t1" in str(found["status"])
    assert found["oom score"] == "1000\n", "the kernel kills it first when memory runs out"


def test_ffmpeg_ends_when_parent_is_killed() -> None:
    program = textwrap.dedent(
        f"""
        from chromi.encoder.process.ffmpeg import run_ffmpeg
        from chromi.encoder.process.subprocess_runner import ProcessLimits
        run_ffmpeg({SILENT!r}, limits=ProcessLimits(60, 0), on_tick=lambda: print("tick", flush=True))
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
    (child,) = find_ffmpeg_processes(pid)
    return child


def test_missing_binary_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "nowhere"))
    with pytest.raises(FfmpegMissing, match="nowhere"):
        find_ffmpeg()


def test_binary_that_cannot_start_raises_ffmpeg_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "ffmpeg"
    broken.write_bytes(b"\x7fELF but not really")
    broken.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(broken))
    with pytest.raises(FfmpegMissing):
        run_ffmpeg(["-version"], limits=limits())


def test_bundled_ffmpeg_has_all_features() -> None:
    report = inspect_ffmpeg()
    assert report.missing == ()
    assert report.version
    assert report.path.is_file()


def test_missing_encoder_is_named_even_if_its_decoder_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    def run_without_gif_encoder(
        arguments: Sequence[str], *, on_output: Callable[[str], None], **kwargs: Any
    ) -> ProcessResult:
        def read(line: str) -> None:
            if arguments != ["-encoders"] or " gif " not in line:
                on_output(line)

        return run_ffmpeg(arguments, on_output=read, **kwargs)

    monkeypatch.setattr(capabilities, "run_ffmpeg", run_without_gif_encoder)
    assert inspect_ffmpeg().missing == ("the encoder gif",)
