"""A program that attempts everything that a compromised ffmpeg could, and reports what succeeded."""

import json
import os
from pathlib import Path

from chromi.encoder.process.subprocess_runner import run_program
from tests.encoder.process.sandboxes import LIMITS, PYTHON, SYSCALL_NUMBERS
from tests.support.canary import Canary

PROGRAM = """
import ctypes, fcntl, json, os, resource, socket, sys
folder, port, victim, numbers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
libc = ctypes.CDLL(None, use_errno=True)

def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result

def call(name, *arguments):
    return check(libc.syscall(numbers[name], *arguments))

def fork():
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)

def connect_abstract():
    socket.socket(socket.AF_UNIX).connect(chr(0) + "chromi-%d" % port)

def send():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"hello", ("127.0.0.1", port))

attempts = {
    "read a file": lambda: open(folder + "/secret").read(),
    "list a folder": lambda: os.listdir(folder),
    "write a file": lambda: open(folder + "/new", "w"),
    "change a file": lambda: open(folder + "/secret", "a"),
    "rename a file": lambda: os.rename(folder + "/a", folder + "/b"),
    "remove a file": lambda: os.unlink(folder + "/c"),
    "create a link": lambda: os.symlink(folder + "/secret", folder + "/link"),
    "create a folder": lambda: os.mkdir(folder + "/made"),
    "read our environment": lambda: open("/proc/%d/environ" % victim).read(),
    "read our memory": lambda: open("/proc/%d/mem" % victim, "rb"),
    "change a mode": lambda: os.chmod(folder + "/secret", 0o777),
    "change a time": lambda: os.utime(folder + "/secret", (0, 0)),
    "truncate a file": lambda: os.truncate(folder + "/d", 0),
    "connect": lambda: socket.create_connection(("127.0.0.1", port), 5).close(),
    "listen": lambda: socket.create_server(("127.0.0.1", 0)).close(),
    "send a datagram": send,
    "connect to an abstract socket": connect_abstract,
    "set up io_uring": lambda: check(libc.syscall(425, 1, ctypes.create_string_buffer(120))),
    "set a file's signal recipient": lambda: fcntl.fcntl(1, fcntl.F_SETOWN, victim),
    "set a file's signal": lambda: fcntl.fcntl(1, fcntl.F_SETSIG, 9),
    "unset the parent death signal": lambda: check(libc.prctl(1, 0, 0, 0, 0)),
    "send a signal": lambda: os.kill(victim, 0),
    "read another process's limits": lambda: resource.prlimit(victim, resource.RLIMIT_CORE),
    "start a process": fork,
    "change a priority": lambda: os.setpriority(os.PRIO_PROCESS, 0, 19),
    "change a scheduler": lambda: os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0)),
    "change a scheduler's parameters": lambda: os.sched_setparam(0, os.sched_param(0)),
    "choose processors": lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)),
    "change a disk priority": lambda: call("ioprio_set", 1, 0, 2 << 13 | 7),
    "share memory": lambda: call("shmctl", call("shmget", 0, 4096, 0o1600), 0, None),
    "share a semaphore": lambda: call("semctl", call("semget", 0, 1, 0o1600), 0, 0),
    "share a message queue": lambda: call("msgctl", call("msgget", 0, 0o1600), 0, None),
    "create a file in memory": lambda: os.close(os.memfd_create("made")),
    "remove an attribute": lambda: os.removexattr(folder + "/d", "user.chromi"),
    "compare processes": lambda: call("kcmp", os.getpid(), os.getpid(), 1, 0, 0),
    "execute a program": lambda: os.execv("/bin/true", ["true"]),
}
errors = {}
for name, attempt in attempts.items():
    if name == "execute a program":
        break
    try:
        attempt()
        errors[name] = ""
    except OSError as error:
        errors[name] = error.strerror
print(json.dumps({"errors": errors, "environment": dict(os.environ)}), flush=True)
try:
    attempts["execute a program"]()
except OSError:
    sys.exit(9)  # unlike the exit code of a program that was executed
"""
EXECUTE = "execute a program"
FILE_ATTEMPTS = {
    *("read a file", "list a folder", "write a file", "change a file", "rename a file", "remove a file"),
    *("create a link", "create a folder", "read our environment", "read our memory", EXECUTE),
}
"""What Landlock must prevent."""
OTHER_ATTEMPTS = {
    *("change a mode", "change a time", "truncate a file", "connect", "listen", "send a datagram"),
    *("connect to an abstract socket", "set up io_uring", "send a signal", "read another process's limits"),
    *("start a process", "change a priority", "change a scheduler", "change a scheduler's parameters"),
    *("choose processors", "change a disk priority", "share memory", "share a semaphore"),
    *("share a message queue", "create a file in memory", "remove an attribute", "compare processes"),
    *("set a file's signal recipient", "set a file's signal", "unset the parent death signal"),
}
"""What seccomp must prevent."""
CAPABILITY_ATTEMPTS = {"read our environment", "read our memory"}
"""What a program with fewer capabilities than this process cannot do even without a sandbox."""


def run_attempts(folder: Path, canary: Canary) -> tuple[set[str], dict[str, str]]:
    """Run the program and return the names of the attempts that succeeded, and its environment."""
    output: list[str] = []
    arguments = [str(folder), str(canary.port), str(os.getpid()), json.dumps(SYSCALL_NUMBERS)]
    result = run_program([*PYTHON, PROGRAM, *arguments], limits=LIMITS, on_output=output.append)
    assert output, result
    report = json.loads(output[0])
    succeeded = {name for name, error in report["errors"].items() if not error}
    return succeeded if result.exit_code else {*succeeded, EXECUTE}, report["environment"]
