"""Become another program, under limits and enclosed. Run as a script by `process.py`.

    python -I -S launch.py PARENT_PID CPU_S MEMORY_BYTES FILE_BYTES RULESET SECCOMP FILTER PROGRAM ARGUMENT...

The web process has threads, and code between fork and exec (`preexec_fn`) may deadlock there. So a fresh
interpreter sets the limits on itself and then turns into the program by exec, which keeps them. Only the few
modules below are imported: this runs before every ffmpeg and gifsicle and must cost milliseconds.

RULESET is a descriptor of Landlock's or -1; SECCOMP the number of that call or -1, FILTER its filter in hex.
`sandbox.py` makes all three. Without a PROGRAM this only tries whether they work.
"""

import ctypes
import os
import resource
import sys

# By number: importing `signal` takes a third of all the time until exec.
SIGKILL, SIGPIPE, SIGXFSZ, SIG_DFL = 9, 13, 25, 0
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
LANDLOCK_RESTRICT_SELF = 446
SECCOMP_SET_MODE_FILTER = 1
SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4  # older kernels would turn off a part of the processor's speed
NICENESS = 10
MAX_OPEN_FILES = 64
MAX_ADDRESS_SPACE_BYTES = 4 * 1024**3  # most of it reserved and never used: 4K HEVC maps 1.4 GiB and uses 0.4
FIRST_TO_END = b"1000"
CANNOT_START = 127  # what a shell answers when there is no such program


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


def enclose(ruleset: int, seccomp: int, steps: bytes) -> None:
    """Give up files and system calls for good; exec keeps that too. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if ruleset >= 0:
        check(libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0))
        os.close(ruleset)
    if seccomp >= 0:
        program = FilterProgram(len(steps) // 8, steps)
        flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW
        check(libc.syscall(seccomp, SECCOMP_SET_MODE_FILTER, flags, ctypes.byref(program)))


def check(answer: int) -> None:
    if answer:
        error = ctypes.get_errno()
        raise OSError(error, f"cannot be enclosed: {os.strerror(error)}")


def main(parent_pid: str, *words: str) -> None:
    die_with_parent(int(parent_pid))
    cpu_s, memory_bytes, file_bytes, ruleset, seccomp, steps, *command = words
    limit(int(cpu_s), int(memory_bytes), int(file_bytes))
    try:
        enclose(int(ruleset), int(seccomp), bytes.fromhex(steps))
        if command:
            os.execv(command[0], command)  # noqa: S606  a list without a shell, built by our own modules alone
    except OSError as error:
        print(f"{' '.join(command[:1])}: {error.strerror}", file=sys.stderr)
        sys.exit(CANNOT_START)


if __name__ == "__main__":
    main(*sys.argv[1:])
