"""ffmpeg may take less where the machine or the container has little memory."""

from pathlib import Path

import pytest

from chromi.encoder import probe_video
from chromi.encoder.encoder_errors import EncodeError, OutOfMemory
from chromi.encoder.process import available_memory
from chromi.encoder.process.available_memory import affordable_bytes, available_bytes
from chromi.encoder.process.ffmpeg import Limits, run
from chromi.encoder.source import probe
from tests.support.clips import ffmpeg

MIB = 1024**2


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def available(root: Path) -> int | None:
    return available_bytes(root / "proc", root / "cgroup")


def test_the_machine_tells(tmp_path: Path) -> None:
    write(tmp_path, {"proc/meminfo": "MemTotal: 999 kB\nMemAvailable:     400 kB\n"})
    assert available(tmp_path) == 400 * 1024


def test_the_real_machine_tells() -> None:
    assert (available_bytes(Path("/proc"), Path("/sys/fs/cgroup")) or 0) > 10 * MIB


def test_nothing_tells(tmp_path: Path) -> None:
    assert available(tmp_path) is None


@pytest.mark.parametrize("group", ["", "a/", "a/b/"])
def test_the_smallest_group_counts_whichever_it_is(group: str, tmp_path: Path) -> None:
    write(
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
    assert available(tmp_path) == 30_000, "what is kept of files can be given up"


def test_groups_of_version_1_count(tmp_path: Path) -> None:
    write(
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
    ("kilobytes", "affordable"), [(10_000_000, 768 * MIB), (1024 * 1024, 512 * MIB), (1, 192 * MIB)]
)
def test_half_of_it_may_be_taken_but_never_too_little(
    kilobytes: int, affordable: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"meminfo": f"MemAvailable: {kilobytes} kB\n"})
    monkeypatch.setattr(available_memory, "_PROC", tmp_path)
    assert affordable_bytes(768 * MIB) == affordable


@pytest.fixture(scope="module")
def large_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "c.mp4"
    picture = ("-f", "lavfi", "-i", "color=size=3840x2160:rate=5:duration=0.4")
    ffmpeg(*picture, "-c:v", "libx264", "-preset", "ultrafast", path)
    return path


@pytest.fixture
def small_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"meminfo": "MemAvailable: 100000 kB\n"})
    monkeypatch.setattr(available_memory, "_PROC", tmp_path)


def test_a_clip_that_needs_more_is_refused_with_that_sentence(
    large_clip: Path, small_machine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert probe_video(large_clip).width_px == 3840, "4K takes 80 MiB"
    monkeypatch.setattr(probe, "PROBE_MEMORY_BYTES", 4 * 50 * MIB)
    with pytest.raises(OutOfMemory, match="more memory than the server can spare"):
        probe_video(large_clip)


def test_a_conversion_that_needs_more_says_so_too(large_clip: Path, small_machine: None) -> None:
    copies = ("-i", str(large_clip), "-vf", "scale=4096:-2", "-c:v", "libx264", "-f", "null", "-")
    outcome = run(copies, limits=Limits(20, MIB, 4 * 40 * MIB), reads=(large_clip,))
    with pytest.raises(OutOfMemory):
        outcome.check()
    assert issubclass(OutOfMemory, EncodeError)
