"""Build the seccomp filter (classic BPF) that blocks system calls that ffmpeg and gifsicle never need.

Both programs read and write files and start threads. The filter blocks what Landlock does not cover: the
network, other processes, and changes to file owners, modes and timestamps. An allowlist would be easier to
justify, but it would break with every new libc release.
"""

import os
import struct
from errno import ENOSYS, EPERM

SECCOMP = {"x86_64": 317, "aarch64": 277}
"""The number of the `seccomp` system call, by architecture. Other architectures get no filter."""

EXECVE = {"x86_64": 59, "aarch64": 221}
"""Allowed once, so that the launcher can start the program (see launcher.py)."""

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

BLOCKED_SYSCALLS = {  # name: numbers on x86_64 and aarch64, or None if the architecture lacks the call
    # Network. io_uring opens sockets without passing through this filter.
    "socket": (41, 198),
    "io_uring_setup": (425, 425),
    # Starting, signaling and inspecting other processes.
    "fork": (57, None),
    "vfork": (58, None),
    "execveat": (322, 281),
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # CPU and disk priorities of the process and of the user's other processes.
    "setpriority": (141, 140),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    "sched_setaffinity": (203, 122),
    "ioprio_set": (251, 30),
    # Shared memory and message queues that are not backed by files.
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmdt": (67, 197),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    # File metadata, which can be changed without opening the file.
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "getxattrat": (464, 464),
    "listxattrat": (465, 465),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "truncate": (76, 45),
    "open_by_handle_at": (304, 265),
    # Machine administration, in case the program runs as root.
    "mount": (165, 40),
    "umount2": (166, 39),
    "move_mount": (429, 429),
    "mount_setattr": (442, 442),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "clock_settime": (227, 112),
    "settimeofday": (164, 170),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "fanotify_init": (300, 262),
    "iopl": (172, None),
    "ioperm": (173, None),
}
CLONE = {"x86_64": 56, "aarch64": 220}
"""Allowed only for threads. clone3 is blocked because a filter cannot read its flags."""

PRLIMIT64 = {"x86_64": 302, "aarch64": 261}
"""Allowed only for the program's own limits."""

FCNTL = {"x86_64": 72, "aarch64": 25}
"""Blocked for F_SETOWN, F_SETSIG and F_SETOWN_EX, which make the kernel send signals to other processes."""

PRCTL = {"x86_64": 157, "aarch64": 167}
"""Blocked for PR_SET_PDEATHSIG, which would let the program outlive its parent."""

_CLONE3 = 435

# BPF instructions and the field offsets of struct seccomp_data.
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _JUMP_IF_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_OFFSET, _ARCH_OFFSET, _FIRST_ARGUMENT_OFFSET, _SECOND_ARGUMENT_OFFSET = 0, 4, 16, 24
_SECCOMP_RET_ALLOW, _SECCOMP_RET_ERRNO = 0x7FFF0000, 0x00050000
_X32_SYSCALL_BIT = 0x40000000  # the x32 ABI has all x86_64 calls under different numbers
_CLONE_THREAD = 0x00010000
_F_SETOWN, _F_SETSIG, _F_SETOWN_EX = 8, 10, 15
_PR_SET_PDEATHSIG = 1

_Instruction = tuple[int, int, int, int]  # opcode, skip if true, skip if false, operand


def make_filter(machine: str = os.uname().machine) -> bytes:
    """Return the filter for this architecture, or b"" if its system call numbers are unknown."""
    if machine not in SECCOMP:
        return b""
    column = list(SECCOMP).index(machine)
    blocked = [numbers[column] for numbers in BLOCKED_SYSCALLS.values()]
    instructions: list[_Instruction] = [
        (_LOAD, 0, 0, _ARCH_OFFSET),
        *((_JUMP_IF_EQUAL, 1, 0, _AUDIT_ARCH[machine]), _return_error(EPERM)),
        (_LOAD, 0, 0, _NUMBER_OFFSET),
        *((_JUMP_IF_AT_LEAST, 0, 1, _X32_SYSCALL_BIT), _return_error(EPERM)),
        *(instruction for number in blocked if number is not None for instruction in _block(number)),
        *_block(_CLONE3, ENOSYS),  # ENOSYS makes the C library fall back to clone
        *_block_arguments(FCNTL[machine], _SECOND_ARGUMENT_OFFSET, _F_SETOWN, _F_SETSIG, _F_SETOWN_EX),
        *_block_arguments(PRCTL[machine], _FIRST_ARGUMENT_OFFSET, _PR_SET_PDEATHSIG),
        *_allow_if(CLONE[machine], (_JUMP_IF_BITS, 0, 1, _CLONE_THREAD)),
        *_allow_if(PRLIMIT64[machine], (_JUMP_IF_EQUAL, 0, 1, 0)),  # PID 0 is the calling process
        (_RETURN, 0, 0, _SECCOMP_RET_ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


def _return_error(error: int) -> _Instruction:
    return (_RETURN, 0, 0, _SECCOMP_RET_ERRNO | error)


def _block(value: int, error: int = EPERM) -> tuple[_Instruction, ...]:
    """Return the instructions that make the call fail if the loaded field has this value."""
    return (_JUMP_IF_EQUAL, 0, 1, value), _return_error(error)


def _block_arguments(number: int, offset: int, *values: int) -> tuple[_Instruction, ...]:
    """Return the instructions that block a call if the argument at `offset` is one of `values`."""
    return (
        (_JUMP_IF_EQUAL, 0, 2 * len(values) + 2, number),
        (_LOAD, 0, 0, offset),
        *(instruction for value in values for instruction in _block(value)),
        (_RETURN, 0, 0, _SECCOMP_RET_ALLOW),
    )


def _allow_if(number: int, test: _Instruction) -> tuple[_Instruction, ...]:
    """Return the instructions that block a call unless its first argument passes the test."""
    return (
        (_JUMP_IF_EQUAL, 0, 4, number),
        (_LOAD, 0, 0, _FIRST_ARGUMENT_OFFSET),
        test,
        (_RETURN, 0, 0, _SECCOMP_RET_ALLOW),
        _return_error(EPERM),
    )
