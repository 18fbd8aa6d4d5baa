"""What ffmpeg and gifsicle cannot reach, seen by trying; and what is left where a kernel refuses."""

import ctypes
import errno
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from chromi.encoder import probe_video
from chromi.encoder.encoder_errors import ConverterKilled, EncodeError
from chromi.encoder.gif import gifsicle
from chromi.encoder.process import sandbox, seccomp
from chromi.encoder.process.ffmpeg import Limits, run
from chromi.encoder.process.landlock import _find_loader, find_abi
from chromi.encoder.process.launcher import CANNOT_START
from chromi.encoder.process.sandbox import Sandbox
from chromi.encoder.process.seccomp import make_filter
from chromi.encoder.process.subprocess_runner import Outcome
from chromi.encoder.process.subprocess_runner import run as run_program
from chromi.errors import ServiceBusy
from tests.support.blocked_syscalls import refusing
from tests.support.canary import Canary, Watched
from tests.support.clips import ffmpeg, make_clip

LIMITS = Limits(20, 1024**2)
NONE = Sandbox(0, b"")
WHOLE = Sandbox(find_abi(), make_filter())

pytestmark = pytest.mark.skipif(
    not (WHOLE.landlock_abi and WHOLE.seccomp_filter and WHOLE.works()),
    reason="this kernel refuses Landlock or seccomp",
)

# A program that tries what one that was taken over would, and says what came of it. It is a string, so that
# it can be given as an argument: nothing of it needs to be read from a file.
TRIES = """
import ctypes, fcntl, json, os, resource, socket, sys
folder, port, victim, numbers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
libc = ctypes.CDLL(None, use_errno=True)

def checked(answer):
    if answer < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return answer

def call(name, *arguments):
    return checked(libc.syscall(numbers[name], *arguments))

def fork():
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)

def send():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"hello", ("127.0.0.1", port))

tries = {
    "read a file": lambda: open(folder + "/secret").read(),
    "list a folder": lambda: os.listdir(folder),
    "write a file": lambda: open(folder + "/new", "w"),
    "change a file": lambda: open(folder + "/secret", "a"),
    "rename a file": lambda: os.rename(folder + "/a", folder + "/b"),
    "remove a file": lambda: os.unlink(folder + "/c"),
    "make a link": lambda: os.symlink(folder + "/secret", folder + "/link"),
    "make a folder": lambda: os.mkdir(folder + "/made"),
    "read our environment": lambda: open("/proc/%d/environ" % victim).read(),
    "read our memory": lambda: open("/proc/%d/mem" % victim, "rb"),
    "change a mode": lambda: os.chmod(folder + "/secret", 0o777),
    "change a time": lambda: os.utime(folder + "/secret", (0, 0)),
    "cut a file": lambda: os.truncate(folder + "/d", 0),
    "connect": lambda: socket.create_connection(("127.0.0.1", port), 5).close(),
    "listen": lambda: socket.create_server(("127.0.0.1", 0)).close(),
    "send a datagram": send,
    "talk to a neighbour": lambda: socket.socket(socket.AF_UNIX).connect(chr(0) + "chromi-%d" % port),
    "set up io_uring": lambda: checked(libc.syscall(425, 1, ctypes.create_string_buffer(120))),
    "have the kernel signal": lambda: fcntl.fcntl(1, fcntl.F_SETOWN, victim),
    "choose the signal": lambda: fcntl.fcntl(1, fcntl.F_SETSIG, 9),
    "outlive us": lambda: checked(libc.prctl(1, 0, 0, 0, 0)),
    "signal": lambda: os.kill(victim, 0),
    "look at other limits": lambda: resource.prlimit(victim, resource.RLIMIT_CORE),
    "start a process": fork,
    "change a priority": lambda: os.setpriority(os.PRIO_PROCESS, 0, 19),
    "change a scheduler": lambda: os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0)),
    "change a scheduler's parameters": lambda: os.sched_setparam(0, os.sched_param(0)),
    "choose processors": lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)),
    "change a disk priority": lambda: call("ioprio_set", 1, 0, 2 << 13 | 7),
    "share memory": lambda: call("shmctl", call("shmget", 0, 4096, 0o1600), 0, None),
    "share a semaphore": lambda: call("semctl", call("semget", 0, 1, 0o1600), 0, 0),
    "share a message queue": lambda: call("msgctl", call("msgget", 0, 0o1600), 0, None),
    "make a file in memory": lambda: os.close(os.memfd_create("made")),
    "remove an attribute": lambda: os.removexattr(folder + "/d", "user.chromi"),
    "compare processes": lambda: call("kcmp", os.getpid(), os.getpid(), 1, 0, 0),
    "start a program": lambda: os.execv("/bin/true", ["true"]),
}
answers = {}
for name, attempt in tries.items():
    if name == "start a program":
        break
    try:
        attempt()
        answers[name] = ""
    except OSError as error:
        answers[name] = error.strerror
print(json.dumps({"answers": answers, "environment": dict(os.environ)}), flush=True)
try:
    tries["start a program"]()
except OSError:
    sys.exit(9)  # the one way in which it should end
"""
STARTED = "start a program"
FILES = {
    *("read a file", "list a folder", "write a file", "change a file", "rename a file", "remove a file"),
    *("make a link", "make a folder", "read our environment", "read our memory", STARTED),
}
OUTSIDE = {
    *("change a mode", "change a time", "cut a file", "connect", "listen", "send a datagram"),
    *("talk to a neighbour", "set up io_uring", "signal", "look at other limits", "start a process"),
    *("change a priority", "change a scheduler", "change a scheduler's parameters", "choose processors"),
    *("change a disk priority", "share memory", "share a semaphore", "share a message queue"),
    *("make a file in memory", "remove an attribute", "compare processes"),
    *("have the kernel signal", "choose the signal", "outlive us"),
}
PROTECTED = {"read our environment", "read our memory"}
"""What a program cannot do that has fewer capabilities than this process, sandbox or not."""

COLUMN = list(seccomp.SECCOMP).index(os.uname().machine) if os.uname().machine in seccomp.SECCOMP else 0
NUMBERS = {name: numbers[COLUMN] for name, numbers in seccomp.REFUSED.items() if numbers[COLUMN] is not None}
PYTHON = [os.path.realpath(sys.executable), "-I", "-S", "-c"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "of another"
    folder.mkdir()
    for name in ("secret", "a", "c", "d"):
        (folder / name).write_text("secret")
    with suppress(OSError):  # not every file system has them
        os.setxattr(folder / "d", "user.chromi", b"1")
    return folder


@pytest.fixture
def neighbour(canary: Canary) -> Iterator[None]:
    """Somebody who listens where no file is needed."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0chromi-{canary.port}")
        listener.listen()
        yield


@pytest.fixture
def tell(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget before and after what was found out about this kernel."""
    sandbox.strongest.cache_clear()
    yield
    monkeypatch.undo()
    sandbox.strongest.cache_clear()


def use(enclosed: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "strongest", lambda: enclosed)


def succeeded(folder: Path, canary: Canary) -> tuple[set[str], dict[str, str]]:
    """Let the program try everything; return what it could do, and its environment."""
    output: list[str] = []
    words = [str(folder), str(canary.port), str(os.getpid()), json.dumps(NUMBERS)]
    outcome = run_program([*PYTHON, TRIES, *words], limits=LIMITS, on_output=output.append)
    assert output, outcome
    told = json.loads(output[0])
    done = {name for name, error in told["answers"].items() if not error}
    return done if outcome.exit_code else {*done, STARTED}, told["environment"]


@pytest.mark.usefixtures("neighbour")
def test_nothing_is_within_reach(
    folder: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch, tell: None
) -> None:
    monkeypatch.setenv("CHROMI_SECRET_KEY", "the key that signs")
    done, environment = succeeded(folder, canary)
    assert done == set()
    assert canary.calls == 0
    assert sorted(environment) == ["LANG", "PATH", "TMPDIR"]
    assert (folder / "secret").read_text() == "secret"
    assert sorted(path.name for path in folder.iterdir()) == ["a", "c", "d", "secret"]


@pytest.mark.usefixtures("neighbour")
def test_landlock_alone_keeps_the_files(
    folder: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Sandbox(find_abi(), b""), monkeypatch)
    done, _ = succeeded(folder, canary)
    scoped = {"connect": 4, "listen": 4, "talk to a neighbour": 6, "signal": 6}
    kept = {name for name, abi in scoped.items() if find_abi() >= abi}
    assert done & (FILES | kept) == set()
    assert "send a datagram" in done, "which is why it is said that some of the network is left"


@pytest.mark.usefixtures("neighbour")
def test_seccomp_alone_keeps_the_network(
    folder: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Sandbox(0, make_filter()), monkeypatch)
    done, _ = succeeded(folder, canary)
    assert done & OUTSIDE == set()
    assert canary.calls == 0
    assert "read a file" in done, "which is why it is said that every file can be read"


@pytest.mark.usefixtures("neighbour")
def test_without_a_sandbox_all_of_this_could_be_done(
    folder: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what the tests above try is known to work."""
    use(NONE, monkeypatch)
    done, environment = succeeded(folder, canary)
    perhaps = {"set up io_uring", "compare processes", "remove an attribute", *PROTECTED}  # or turned off
    assert done | perhaps == FILES | OUTSIDE
    assert canary.calls == 1
    assert sorted(environment) == ["LANG", "PATH", "TMPDIR"]


ASK = """
import ctypes, errno, json, sys
libc = ctypes.CDLL(None, use_errno=True)
for name, number in json.loads(sys.argv[1]).items():
    if libc.syscall(number, *[ctypes.c_long(-1)] * 6) != -1 or ctypes.get_errno() != errno.EPERM:
        print(name)
"""


def test_every_call_on_the_list_is_refused() -> None:
    done: list[str] = []
    outcome = run_program([*PYTHON, ASK, json.dumps(NUMBERS)], limits=LIMITS, on_output=done.append)
    assert (outcome, done) == (Outcome(0, ""), [])


# -- no second program ---------------------------------------------------------------------------------------

EXEC = "import os, sys; os.execv(sys.argv[1], sys.argv[1:])"
LOADER = str(_find_loader(Path("/bin/true").resolve())[0])
SECOND_PROGRAMS = [["/bin/echo", "free"], [LOADER, "/bin/echo", "free"], [*PYTHON, "print('free')"]]


@pytest.mark.parametrize("command", SECOND_PROGRAMS, ids=["another", "through the loader", "itself"])
def test_a_program_cannot_become_another(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first try is its end: an address that could be guessed is guessed once."""
    for enclosed in (WHOLE, Sandbox(0, make_filter()), NONE):
        use(enclosed, monkeypatch)
        said: list[str] = []
        outcome = run_program([*PYTHON, EXEC, *command], limits=LIMITS, on_output=said.append)
        expected = (0, ["free"]) if enclosed == NONE else (-signal.SIGSYS, [])
        assert (outcome.exit_code, said) == expected, enclosed


def test_landlock_alone_runs_nothing_but_the_program_and_its_loader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Libraries can be read, and a program that lies among them cannot be run."""
    use(Sandbox(find_abi(), b""), monkeypatch)
    program, tool = tmp_path / "bin/sh", tmp_path / "lib/tool"
    for original, copy in (("/bin/sh", program), ("/bin/echo", tool)):
        copy.parent.mkdir()
        shutil.copy(original, copy)
    said: list[str] = []
    words = [str(program), "-c", f"exec {tool} free"]
    assert run_program(words, limits=LIMITS, on_output=said.append).exit_code == 126
    assert said == []
    run_program(["/bin/echo", "it runs"], limits=LIMITS, on_output=said.append).check()
    assert said == ["it runs"]


# -- the memory of others ------------------------------------------------------------------------------------

VICTIM = """
import ctypes, sys
sys.path.insert(0, sys.argv[1])
from chromi.encoder.process.launcher import drop_capabilities
from chromi.hardening import protect_memory
drop_capabilities()  # as an ordinary user has none
if sys.argv[2] == "protected":
    protect_memory()
kept = ctypes.create_string_buffer(b"as it was")
print(ctypes.addressof(kept), flush=True)
sys.stdin.readline()
print(kept.value.decode())
"""
WRITE = """
import os, sys
with open("/proc/%s/mem" % sys.argv[1], "r+b", buffering=0) as memory:
    memory.seek(int(sys.argv[2]))
    memory.write(b"taken over")
"""
ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("how", ["protected", "open"])
def test_seccomp_alone_does_not_open_the_memory_of_our_processes(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Sandbox(0, make_filter()), monkeypatch)
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(ROOT), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as victim:
        assert victim.stdout
        address = victim.stdout.readline().strip()
        outcome = run_program([*PYTHON, WRITE, str(victim.pid), address], limits=LIMITS)
        kept, _ = victim.communicate("\n", 10)
    if how == "protected":
        assert outcome.exit_code
        assert "Permission denied" in outcome.log
        assert kept == "as it was\n"
    elif not outcome.exit_code:  # Yama or a container's profile may refuse it everywhere
        assert kept == "taken over\n"


def test_the_memory_of_this_process_is_closed_to_a_program_with_fewer_capabilities(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Root's processes have more than the programs that they start, which closes every one of them."""
    if os.getuid():
        pytest.skip("an ordinary user's processes have no capabilities")
    use(Sandbox(0, make_filter()), monkeypatch)
    kept = ctypes.create_string_buffer(b"as it was")
    words = [str(os.getpid()), str(ctypes.addressof(kept))]
    assert "Permission denied" in run_program([*PYTHON, WRITE, *words], limits=LIMITS).log
    assert kept.value == b"as it was"


# -- kernels, containers and machines short of memory --------------------------------------------------------


@pytest.mark.parametrize("abi", range(1, find_abi() + 1))
def test_every_older_landlock_can_be_used(abi: int) -> None:
    assert Sandbox(abi, make_filter()).works()


@pytest.mark.parametrize(
    "enclosed",
    [WHOLE, Sandbox(find_abi(), b""), Sandbox(0, make_filter()), NONE],
    ids=["both", "landlock", "seccomp", "none"],
)
def test_a_clip_is_read_in_each_of_them(
    enclosed: Sandbox, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(enclosed, monkeypatch)
    assert probe_video(clip).codec == "h264"


def test_the_strongest_that_works_is_taken(tell: None) -> None:
    assert sandbox.strongest() == WHOLE
    assert str(sandbox.strongest()).startswith(f"Landlock ABI {find_abi()} and seccomp: ")


def refuse_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an older kernel does, or one that was started without it."""
    monkeypatch.setattr(sandbox, "find_abi", lambda: 0)


def refuse_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a container does that allows to ask for Landlock, but not to use it."""
    monkeypatch.setattr(sandbox, "make_ruleset", lambda *_, **__: os.open("/dev/null", os.O_RDONLY))


def refuse_seccomp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "make_filter", lambda: b"\xff" * 8)


def not_know_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "make_filter", lambda: make_filter("riscv64"))


@pytest.mark.parametrize(
    ("refusals", "begins"),
    [
        ([refuse_landlock], "seccomp alone: "),
        ([refuse_rules], "seccomp alone: "),
        ([refuse_seccomp], f"Landlock ABI {find_abi()} alone: "),
        ([not_know_the_processor], f"Landlock ABI {find_abi()} alone: "),
        ([refuse_landlock, refuse_seccomp], "none: "),
        ([refuse_rules, not_know_the_processor], "none: "),
    ],
)
def test_what_is_refused_is_done_without_and_said(
    refusals: list[object],
    begins: str,
    clip: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tell: None,
) -> None:
    for refuse in refusals:
        assert callable(refuse)
        refuse(monkeypatch)
    assert str(sandbox.strongest()).startswith(begins)
    assert begins in caplog.text
    assert probe_video(clip).codec == "h264"


def test_a_sandbox_that_fails_later_stops_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """What worked when it was tried must work: nothing runs free because of an accident."""
    monkeypatch.setattr(sandbox, "strongest", lambda: Sandbox(0, b"\xff" * 8))
    outcome = run_program(["/bin/echo", "free"], limits=LIMITS)
    assert outcome.exit_code == CANNOT_START
    assert "cannot be enclosed" in outcome.log


def test_a_machine_without_room_is_not_taken_for_one_that_refuses(
    monkeypatch: pytest.MonkeyPatch, tell: None
) -> None:
    """Or else whoever fills it would open the sandbox for good."""

    def fail(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    with monkeypatch.context() as crowded:
        crowded.setattr("chromi.encoder.process.sandbox.subprocess.run", fail)
        with pytest.raises(ServiceBusy):
            sandbox.strongest()
    assert sandbox.strongest() == WHOLE


def test_a_trial_that_is_killed_tells_nothing(monkeypatch: pytest.MonkeyPatch, tell: None) -> None:
    killed = subprocess.CompletedProcess((), -signal.SIGKILL, b"", b"")
    with monkeypatch.context() as crowded:
        crowded.setattr("chromi.encoder.process.sandbox.subprocess.run", lambda *_, **__: killed)
        with pytest.raises(ServiceBusy):
            sandbox.strongest()
    assert sandbox.strongest() == WHOLE


def refuse_in_the_kernel(
    monkeypatch: pytest.MonkeyPatch, call: int, error: int, *, with_flags: bool = False
) -> None:
    """Have a system call of the launcher fail."""
    launcher = (*refusing(call, error, with_flags=with_flags), *sandbox.LAUNCH)
    monkeypatch.setattr(sandbox, "LAUNCH", launcher)


LANDLOCK_RESTRICT_SELF = 446
SECCOMP = seccomp.SECCOMP[os.uname().machine]


@pytest.mark.parametrize("with_flags", [True, False])
def test_seccomp_without_flags_will_do(
    with_flags: bool, clip: Path, monkeypatch: pytest.MonkeyPatch, tell: None
) -> None:
    """GVisor has seccomp and refuses all flags but one."""
    refuse_in_the_kernel(monkeypatch, SECCOMP, errno.EINVAL, with_flags=with_flags)
    assert sandbox.strongest() == (WHOLE if with_flags else Sandbox(find_abi(), b""))
    assert probe_video(clip).codec == "h264"


@pytest.mark.parametrize("call", [LANDLOCK_RESTRICT_SELF, SECCOMP])
@pytest.mark.parametrize("error", [errno.ENOMEM, errno.EAGAIN])
def test_a_kernel_without_memory_is_not_taken_for_one_that_refuses(
    call: int, error: int, monkeypatch: pytest.MonkeyPatch, tell: None
) -> None:
    with monkeypatch.context() as crowded:
        refuse_in_the_kernel(crowded, call, error)
        with pytest.raises(ServiceBusy):
            sandbox.strongest()
        crowded.setattr(sandbox, "strongest", lambda: WHOLE)
        with pytest.raises(ConverterKilled):
            run_program(["/bin/echo", "free"], limits=LIMITS).check()
    assert sandbox.strongest() == WHOLE


def test_threads_may_ask_at_once(clip: Path, tell: None) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(probe_video(clip).codec)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["h264"] * 4


@pytest.mark.parametrize(
    ("column", "header"),
    [(0, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), (1, "/usr/include/asm-generic/unistd.h")],
    ids=["x86_64", "aarch64"],
)
def test_the_numbers_of_calls_are_the_kernels(column: int, header: str) -> None:
    if not Path(header).exists():
        pytest.skip("the kernel's headers are not installed")
    defined = re.findall(r"#define __NR(?:3264)?_(\w+) +(\d+)", Path(header).read_text())
    told = {name: int(number) for name, number in defined if name != "syscalls"}
    calls = {name: numbers[column] for name, numbers in seccomp.REFUSED.items()}
    calls["seccomp"] = list(seccomp.SECCOMP.values())[column]
    calls["fcntl"] = list(seccomp.FCNTL.values())[column]
    calls["prctl"] = list(seccomp.PRCTL.values())[column]
    calls["execve"] = list(seccomp.EXECVE.values())[column]
    calls["clone"] = list(seccomp.CLONE.values())[column]
    calls["prlimit64"] = list(seccomp.PRLIMIT64.values())[column]
    newest = max(told.values())
    assert newest >= 450, "the header of Linux 6.1"
    known = {name: number for name, number in calls.items() if number is None or number <= newest}
    assert known == {name: told.get(name) for name in known}


# -- with the programs themselves ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sibling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another visitor's upload."""
    return make_clip(tmp_path_factory.mktemp("sibling") / "sibling.mp4", seconds=0.5, size="64x36")


def to_nowhere(*options: str) -> list[str]:
    return [*options, "-f", "null", "-"]


def test_ffmpeg_reads_a_file_only_if_it_may(sibling: Path) -> None:
    refused = run(to_nowhere("-i", str(sibling)), limits=LIMITS)
    assert "Permission denied" in refused.log
    assert refused.exit_code
    run(to_nowhere("-i", str(sibling)), limits=LIMITS, reads=(sibling,)).check()


def test_ffmpeg_calls_nobody(canary: Canary) -> None:
    assert run(to_nowhere("-i", canary.url), limits=LIMITS).exit_code
    assert run(to_nowhere("-i", f"udp://127.0.0.1:{canary.port}?timeout=1"), limits=LIMITS).exit_code
    assert canary.calls == 0


def test_ffmpeg_writes_only_what_it_was_given(sibling: Path, tmp_path: Path) -> None:
    given, other = tmp_path / "given.mp4", tmp_path / "other.mp4"
    copy = ("-y", "-i", str(sibling), "-c", "copy")
    run([*copy, str(given)], limits=LIMITS, reads=(sibling,), writes=(given,)).check()
    assert given.stat().st_size > 1000
    refused = run([*copy, str(other)], limits=LIMITS, reads=(sibling,), writes=(given,))
    assert "Permission denied" in refused.log
    before = sibling.read_bytes()
    over = run([*("-y", "-i", str(given), "-c", "copy"), str(sibling)], limits=LIMITS, reads=(given, sibling))
    assert over.exit_code
    assert sibling.read_bytes() == before
    assert not other.exists()


def test_a_playlist_would_open_nothing_even_if_it_were_read(
    sibling: Path, canary: Canary, tmp_path: Path
) -> None:
    """With none of the arguments that refuse one: the sandbox stands alone."""
    playlist = tmp_path / "list.txt"
    playlist.write_text(f"ffconcat version 1.0\nfile '{sibling}'\nfile '{canary.url}'\n")
    watched = Watched(sibling)
    read = to_nowhere(
        "-f", "concat", "-safe", "0", "-protocol_whitelist", "file,http,tcp", "-i", str(playlist)
    )
    assert run(read, limits=LIMITS, reads=(playlist,)).exit_code
    assert not watched.was_opened
    assert run(read, limits=LIMITS, reads=(playlist, sibling)).exit_code == 0
    assert watched.was_opened, "with leave it is read"
    watched.close()
    assert canary.calls == 0


def test_gifsicle_reads_and_writes_only_what_it_may(tmp_path: Path) -> None:
    gif, lost = tmp_path / "made.gif", tmp_path / "lost.gif"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x36:duration=0.5", gif)
    gifsicle.compress_lossy(gif, lost, lossy=60, limits=LIMITS, on_tick=lambda: None)
    assert lost.read_bytes()[:3] == b"GIF"
    command = [str(gifsicle.find_gifsicle()), "-O2", str(gif), "-o", str(tmp_path / "other.gif")]
    assert (
        run_program(command, limits=LIMITS, reads=(gif,)).exit_code or not (tmp_path / "other.gif").exists()
    )
    outcome = run_program(command, limits=LIMITS, writes=(tmp_path / "other.gif",))
    assert "Permission denied" in outcome.log
    with pytest.raises(EncodeError):
        outcome.check()


@pytest.mark.parametrize("name", ["with spaces and ünïcode", "a:b,c;d", "-dash", "quote'd"])
def test_folders_of_any_name_do(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    source, made = folder / "c.mp4", folder / "o.mp4"
    source.symlink_to(make_clip(tmp_path / "c.mp4", seconds=0.2, size="32x32"))
    command = ["-y", "-i", f"file:{source}", "-c", "copy", f"file:{made}"]
    run(command, limits=LIMITS, reads=(source,), writes=(made,)).check()
    assert made.stat().st_size
