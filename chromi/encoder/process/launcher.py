"""Replace this process with another program, in a sandbox and with resource limits.

`subprocess_runner.py` runs this file as a script:

    python -I -S launcher.py PARENT_PID CPU_S MEMORY_BYTES FILE_BYTES RULESET SECCOMP EXECVE FILTER COMMAND...

The web process has threads, so code between fork and exec (`preexec_fn`) may deadlock. Therefore, a fresh
interpreter sets the limits on itself and then calls exec, which preserves them. It imports only the few
modules below, because it runs before every ffmpeg and gifsicle process and must start within milliseconds.

RULESET is the descriptor of a Landlock ruleset, or -1. SECCOMP and EXECVE are the numbers of those system
calls, or -1. FILTER is the seccomp filter in hex. `sandbox.py` provides all four. Without a COMMAND, the
launcher only tests whether the sandbox works.
"""

import ctypes
import os
import resource
import struct
import sys
from errno import EAGAIN, EINVAL, ENOMEM

# Signal numbers are literals because importing `signal` takes a third of the launcher's time before exec.
SIGKILL, SIGPIPE, SIGXFSZ, SIG_DFL = 9, 13, 25, 0
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
LANDLOCK_RESTRICT_SELF = 446
SECCOMP_SET_MODE_FILTER = 1
SECCOMP_RET_KILL_PROCESS = 0x80000000
SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4  # without it, older kernels slow the CPU; gVisor rejects it
PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS = 1, 2, 2, 32
MAP_FAILED = ctypes.c_void_p(-1).value
NICENESS = 10
MAX_OPEN_FILES = 64
MAX_ADDRESS_SPACE_BYTES = 4 * 1024**3  # mostly reserved but unused: 4K HEVC maps 1.4 GiB and uses 0.4
MAX_OOM_SCORE = b"1000"
EXIT_CANNOT_START = 127  # a shell's exit code for a missing program
EXIT_TEMPORARY_FAILURE = 75  # EX_TEMPFAIL: the machine has no memory or process slots left
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
RETAINED_CAPABILITIES = 1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH  # root may run other users' files
LINUX_CAPABILITY_VERSION_3 = 0x20080522
ADDRESS_RANGE = 1 << 46  # if the CPU has a smaller address space, the kernel chooses another address


def set_parent_death_signal(parent_pid: int) -> None:
    """Make the kernel kill this process when its parent process ends for any reason."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:  # the parent ended before the prctl call, so no signal will arrive
        os._exit(EXIT_CANNOT_START)  # not sys.exit: a fork hook ignores the exception


def set_limits(cpu_s: int, memory_bytes: int, file_bytes: int) -> None:
    """Set the resource limits, priority and privileges that exec preserves.

    A lower limit of this process stays: only root could raise it.
    """
    for kind, value in (
        (resource.RLIMIT_CPU, cpu_s),  # the hard limit: ffmpeg treats SIGXCPU as a request to finish cleanly
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_AS, MAX_ADDRESS_SPACE_BYTES),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, MAX_OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, current = resource.getrlimit(kind)
        value = value if current == resource.RLIM_INFINITY else min(value, current)
        resource.setrlimit(kind, (value, value))
    os.nice(NICENESS)
    set_oom_score()
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # Python ignores these signals, and exec preserves that setting. They must terminate ffmpeg.
    libc.signal(SIGPIPE, SIG_DFL)
    libc.signal(SIGXFSZ, SIG_DFL)


def set_oom_score() -> None:
    """Make the kernel kill this process instead of the web server when the machine runs out of memory."""
    try:
        score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    except OSError:  # /proc is missing or read-only
        return
    try:
        os.write(score, MAX_OOM_SCORE)
    finally:
        os.close(score)


class SockFprog(ctypes.Structure):
    """The kernel's struct sock_fprog: a BPF program."""

    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def drop_capabilities() -> None:
    """Drop root's capabilities over other processes and the machine. NO_NEW_PRIVS makes this permanent.

    A process cannot read or write the memory of a process that has more capabilities. Raises OSError.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("=Ii", LINUX_CAPABILITY_VERSION_3, 0)
    current = ctypes.create_string_buffer(24)
    raise_on_error(libc.capget(header, current))
    effective, permitted, _, _, permitted_high, _ = struct.unpack("=6I", current.raw)
    if not permitted and not permitted_high:
        return
    retained = effective & RETAINED_CAPABILITIES, permitted & RETAINED_CAPABILITIES
    raise_on_error(libc.capset(header, struct.pack("=6I", *retained, 0, 0, 0, 0)))


def enter_sandbox(ruleset: int, seccomp: int, bpf: bytes) -> None:
    """Permanently give up access to files and system calls, even across exec. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if ruleset >= 0:
        raise_on_error(libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0))
        os.close(ruleset)
    if seccomp < 0:
        return
    program = ctypes.byref(SockFprog(len(bpf) // 8, bpf))
    try:
        flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW
        raise_on_error(libc.syscall(seccomp, SECCOMP_SET_MODE_FILTER, flags, program))
    except OSError as error:
        if error.errno != EINVAL:
            raise
        raise_on_error(libc.syscall(seccomp, SECCOMP_SET_MODE_FILTER, 0, program))


def copy_to_random_address(path: bytes) -> int:
    """Copy a path to a random address in this process's memory and return the address. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
    hint = int.from_bytes(os.urandom(8), "little") % ADDRESS_RANGE
    address = libc.mmap(hint, len(path) + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    raise_on_error(address == MAP_FAILED)
    ctypes.memmove(address, path, len(path))
    return int(address)


def make_execve_filter(execve: int, path_address: int) -> bytes:
    """Return the BPF instructions that kill the process on any execve except one with this path address.

    These instructions go before the rest of the filter. A filter sees the address of a path, not the path
    itself. Exec discards the launcher's memory. The program can neither read its filter nor guess the
    address, because one wrong guess kills it.
    """
    load, jump_if_equal, ret = 0x20, 0x15, 0x06
    instructions = (
        (load, 0, 0, 0),  # the system call number
        (jump_if_equal, 0, 5, execve),
        (load, 0, 0, 16),  # the lower half of its first argument
        (jump_if_equal, 0, 2, path_address & 0xFFFFFFFF),
        (load, 0, 0, 20),  # the upper 32 bits
        (jump_if_equal, 1, 0, path_address >> 32),
        (ret, 0, 0, SECCOMP_RET_KILL_PROCESS),
    )
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


def execute(path_address: int, command: list[str]) -> None:
    """Replace this process with the program whose path is at this address. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = (ctypes.c_char_p * (len(command) + 1))(*map(os.fsencode, command), None)
    raise_on_error(libc.execv(ctypes.c_void_p(path_address), arguments), "cannot start")


def raise_on_error(result: int, message: str = "cannot enter the sandbox") -> None:
    """Raise OSError with the C library's errno if `result` is nonzero."""
    if result:
        error = ctypes.get_errno()
        raise OSError(error, f"{message}: {os.strerror(error)}")


def main(parent_pid: str, *words: str) -> None:
    set_parent_death_signal(int(parent_pid))
    cpu_s, memory_bytes, file_bytes, ruleset, seccomp, execve, filter_hex, *command = words
    set_limits(int(cpu_s), int(memory_bytes), int(file_bytes))
    path, bpf = os.fsencode("".join(command[:1])), bytes.fromhex(filter_hex)
    try:
        path_address = copy_to_random_address(path)
        if bpf:
            bpf = make_execve_filter(int(execve), path_address) + bpf
        drop_capabilities()
        enter_sandbox(int(ruleset), int(seccomp), bpf)
        if command:
            execute(path_address, command)
    except OSError as error:
        print(f"{' '.join(command[:1])}: {error.strerror}", file=sys.stderr)
        sys.exit(EXIT_TEMPORARY_FAILURE if error.errno in (EAGAIN, ENOMEM) else EXIT_CANNOT_START)


if __name__ == "__main__":
    main(*sys.argv[1:])
