"""Programs get less memory on a small machine or in a small container."""

from pathlib import Path

import pytest

from chromi.encoder import probe_video
from chromi.encoder.encoder_errors import EncodeError, OutOfMemory
from chromi.encoder.process import available_memory
from chromi.encoder.process.available_memory import available_bytes, limit_to_available
from chromi.encoder.process.ffmpeg import run_ffmpeg
from chromi.encoder.process.subprocess_runner import ProcessLimits
from chromi.encoder.source import probe
from tests.support.clips import ffmpeg

MIB = 1024**2


def write_files(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def available(root: Path) -> int | None:
    return available_bytes(root / "proc", root / "cgroup")


def test_available_memory_of_machine_is_read(tmp_path: Path) -> None:
    write_files(tmp_path, {"proc/meminfo": "MemTotal: 999 kB\nMemAvailable:     400 kB\n"})
    assert available(tmp_path) == 400 * 1024


def test_available_memory_of_this_machine_is_read() -> None:
    assert (available_bytes(Path("/proc"), Path("/sys/fs/cgroup")) or 0) > 10 * MIB


def test_available_memory_is_none_when_unknown(tmp_path: Path) -> None:
    assert available(tmp_path) is None


@pytest.mark.parametrize("group", ["", "a/", "a/b/"])
def test_smallest_cgroup_limits_available_memory(group: str, tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "proc/meminfo": "MemAvailable: 999999 kB\n",
            "proc/self/cgroup": "0::/a/b\n",
            "cgroup/a/b/memory.max": "max\n",
            f"cgroup/{group}memory.max": "50000\n",
            f"cgroup/{group}memory.current": "30000\n",
            f"cgroup/{group}memory.stat": "anon 20000\ninactive_file 10000\n",
        },
    )
    assert available(tmp_path) == 30_000, "the file cache is reclaimable"


def test_cgroup_v1_limits_available_memory(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "proc/meminfo": "MemAvailable: 999999 kB\n",
            "proc/self/cgroup": "5:cpu:/x\n4:memory:/docker/of-the-host\n0::/\n",
            "cgroup/memory/memory.limit_in_bytes": "50000\n",
            "cgroup/memory/memory.usage_in_bytes": "60000\n",
            "cgroup/memory/memory.stat": "total_inactive_file 15000\n",
        },
    )
    assert available(tmp_path) == 5000


@pytest.mark.parametrize(
    ("kilobytes", "limit_bytes"), [(10_000_000, 768 * MIB), (1024 * 1024, 512 * MIB), (1, 192 * MIB)]
)
def test_memory_limit_is_half_of_available_but_at_least_a_quarter_of_requested(
    kilobytes: int, limit_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path, {"meminfo": f"MemAvailable: {kilobytes} kB\n"})
    monkeypatch.setattr(available_memory, "_PROC_DIR", tmp_path)
    assert limit_to_available(768 * MIB) == limit_bytes


@pytest.fixture(scope="module")
def large_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "c.mp4"
    source = ("-f", "lavfi", "-i", "color=size=3840x2160:rate=5:duration=0.4")
    ffmpeg(*source, "-c:v", "libx264", "-preset", "ultrafast", path)
    return path


@pytest.fixture
def small_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with 100 MB of available memory."""
    write_files(tmp_path, {"meminfo": "MemAvailable: 100000 kB\n"})
    monkeypatch.setattr(available_memory, "_PROC_DIR", tmp_path)


def test_probe_raises_out_of_memory_on_small_machine(
    large_clip: Path, small_machine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert probe_video(large_clip).width_px == 3840, "4K takes 80 MiB"
    monkeypatch.setattr(probe, "PROBE_MEMORY_BYTES", 4 * 50 * MIB)
    with pytest.raises(OutOfMemory, match="more memory than the server has available"):
        probe_video(large_clip)


def test_conversion_raises_out_of_memory_on_small_machine(large_clip: Path, small_machine: None) -> None:
    arguments = ("-i", str(large_clip), "-vf", "scale=4096:-2", "-c:v", "libx264", "-f", "null", "-")
    result = run_ffmpeg(arguments, limits=ProcessLimits(20, MIB, 4 * 40 * MIB), reads=(large_clip,))
    with pytest.raises(OutOfMemory):
        result.check()
    assert issubclass(OutOfMemory, EncodeError)
