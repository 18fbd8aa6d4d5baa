"""Become another program, under limits and enclosed. Run as a script by `process.py`.

    python -I -S launch.py PARENT_PID CPU_S MEMORY_BYTES FILE_BYTES RULESET SECCOMP EXECVE FILTER COMMAND...

The web process has threads, and code between fork and exec (`preexec_fn`) may deadlock there. So a fresh
interpreter sets the limits on itself and then turns into the program by exec, which keeps them. Only the few
modules below are imported: this runs before every ffmpeg and gifsicle and must cost milliseconds.

RULESET is a descriptor of Landlock's or -1; SECCOMP and EXECVE the numbers of those calls or -1, FILTER the
filter in hex. `sandbox.py` makes all four. Without a COMMAND this only tries whether they work.
"""

import ctypes
import os
import resource
import struct
import sys
from errno import EAGAIN, EINVAL, ENOMEM

# By number: importing `signal` takes a third of all the time until exec.
SIGKILL, SIGPIPE, SIGXFSZ, SIG_DFL = 9, 13, 25, 0
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
LANDLOCK_RESTRICT_SELF = 446
SECCOMP_SET_MODE_FILTER = 1
SECCOMP_RET_KILL_PROCESS = 0x80000000
SPEC_ALLOW = 4  # older kernels would turn off a part of the processor's speed without it; gVisor refuses it
PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS = 1, 2, 2, 32
MAP_FAILED = ctypes.c_void_p(-1).value
NICENESS = 10
MAX_OPEN_FILES = 64
MAX_ADDRESS_SPACE_BYTES = 4 * 1024**3  # most of it reserved and never used: 4K HEVC maps 1.4 GiB and uses 0.4
FIRST_TO_END = b"1000"
CANNOT_START = 127  # what a shell answers when there is no such program
NO_ROOM_TO_START = 75  # EX_TEMPFAIL: the machine lacks memory or processes, which passes
KEPT_CAPABILITIES = 1 << 1 | 1 << 2  # root may still open files of others; it does not own all that it runs
CAPABILITY_VERSION = 0x20080522
ADDRESS_RANGE = 1 << 46  # where less can be addressed, the kernel takes another place


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent ends, however it ends."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:  # it ended before the line above: no signal will come
        os._exit(CANNOT_START)  # not sys.exit, which a hook after fork would swallow


def limit(cpu_s: int, memory_bytes: int, file_bytes: int) -> None:
    """Bound what this process may take; exec keeps these limits."""
    for kind, value in (
        (resource.RLIMIT_CPU, cpu_s),  # hard: ffmpeg would take SIGXCPU for a wish to finish in peace
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_AS, MAX_ADDRESS_SPACE_BYTES),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, MAX_OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))
    os.nice(NICENESS)
    offer_to_end()
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # Python ignores these two, and exec would hand that on: ffmpeg must die of them.
    libc.signal(SIGPIPE, SIG_DFL)
    libc.signal(SIGXFSZ, SIG_DFL)


def offer_to_end() -> None:
    """Where the machine runs out of memory, have the kernel end this process and not the web server."""
    try:
        score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    except OSError:  # a machine without /proc, or with one that cannot be written
        return
    try:
        os.write(score, FIRST_TO_END)
    finally:
        os.close(score)


class FilterProgram(ctypes.Structure):
    """What the kernel calls struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def drop_capabilities() -> None:
    """Give up root's powers over other processes and the machine; exec returns none after NO_NEW_PRIVS.

    Whoever has fewer capabilities than a process cannot read or write its memory. Raises OSError.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("=Ii", CAPABILITY_VERSION, 0)
    held = ctypes.create_string_buffer(24)
    check(libc.capget(header, held))
    effective, permitted, _, _, more, _ = struct.unpack("=6I", held.raw)
    if not permitted and not more:
        return
    kept = struct.pack("=6I", effective & KEPT_CAPABILITIES, permitted & KEPT_CAPABILITIES, 0, 0, 0, 0)
    check(libc.capset(header, kept))


def enclose(ruleset: int, seccomp: int, steps: bytes) -> None:
    """Give up files and system calls for good; exec keeps that too. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if ruleset >= 0:
        check(libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0))
        os.close(ruleset)
    if seccomp >= 0:
        program = FilterProgram(len(steps) // 8, steps)
        try:
            check(libc.syscall(seccomp, SECCOMP_SET_MODE_FILTER, SPEC_ALLOW, ctypes.byref(program)))
        except OSError as error:
            if error.errno != EINVAL:
                raise
            check(libc.syscall(seccomp, SECCOMP_SET_MODE_FILTER, 0, ctypes.byref(program)))


def place_path(path: bytes) -> int:
    """Copy a path to a random place in this process's memory, and return its address. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
    hint = int.from_bytes(os.urandom(8), "little") % ADDRESS_RANGE
    address = libc.mmap(hint, len(path) + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    check(address == MAP_FAILED)
    ctypes.memmove(address, path, len(path))
    return int(address)


def allow_exec_once(execve: int, path_address: int) -> bytes:
    """Return the steps before a filter that end the process at any execve but that of the path placed there.

    A filter sees the address of a path, not the path. Exec leaves nothing of the launcher's memory, and
    the program that it starts can neither read its filter nor guess an address when one wrong guess ends it.
    """
    load, if_equal, end = 0x20, 0x15, 0x06
    steps = (
        (load, 0, 0, 0),  # the number of the call
        (if_equal, 0, 5, execve),
        (load, 0, 0, 16),  # its first argument: the lower half, then the upper
        (if_equal, 0, 2, path_address & 0xFFFFFFFF),
        (load, 0, 0, 20),
        (if_equal, 1, 0, path_address >> 32),
        (end, 0, 0, SECCOMP_RET_KILL_PROCESS),
    )
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def execute(path_address: int, command: list[str]) -> None:
    """Become the program whose path is placed there. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = (ctypes.c_char_p * (len(command) + 1))(*map(os.fsencode, command), None)
    check(libc.execv(ctypes.c_void_p(path_address), arguments), "cannot be started")


def check(answer: int, trouble: str = "cannot be enclosed") -> None:
    if answer:
        error = ctypes.get_errno()
        raise OSError(error, f"{trouble}: {os.strerror(error)}")


def main(parent_pid: str, *words: str) -> None:
    die_with_parent(int(parent_pid))
    cpu_s, memory_bytes, file_bytes, ruleset, seccomp, execve, filter_hex, *command = words
    limit(int(cpu_s), int(memory_bytes), int(file_bytes))
    name, steps = os.fsencode("".join(command[:1])), bytes.fromhex(filter_hex)
    try:
        path = place_path(name)
        if steps:
            steps = allow_exec_once(int(execve), path) + steps
        drop_capabilities()
        enclose(int(ruleset), int(seccomp), steps)
        if command:
            execute(path, command)
    except OSError as error:
        print(f"{' '.join(command[:1])}: {error.strerror}", file=sys.stderr)
        sys.exit(NO_ROOM_TO_START if error.errno in (EAGAIN, ENOMEM) else CANNOT_START)


if __name__ == "__main__":
    main(*sys.argv[1:])
