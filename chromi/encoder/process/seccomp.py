"""Which system calls a program may make, as the kernel's seccomp takes it: a filter in classic BPF.

ffmpeg and gifsicle read and write files and start threads. What they never do is refused, above all what
Landlock does not cover: any network, other processes, changes to the owners, modes and times of files.
A list of what is allowed would be shorter to argue for, and would break with every new C library.
"""

import os
import struct
from errno import ENOSYS, EPERM

SECCOMP = {"x86_64": 317, "aarch64": 277}
"""The number of the call `seccomp` itself, by processor; on others there is no filter."""

EXECVE = {"x86_64": 59, "aarch64": 221}
"""Allowed once, for the launcher to become the program; see launch.py."""

_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

REFUSED = {  # name: number on x86_64 and aarch64, None where there is no such call
    # the network; io_uring could open sockets past this filter
    "socket": (41, 198),
    "io_uring_setup": (425, 425),
    # other processes: new ones, signals to them, a look into them
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
    # how much processor and disk it gets, and others of its user
    "setpriority": (141, 140),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    "sched_setaffinity": (203, 122),
    "ioprio_set": (251, 30),
    # memory and messages that belong to no file
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
    # what files are, whether they can be opened or not
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
    # the machine, of which root could change more
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
"""Only for threads; its newer form cannot be looked into and is not there for our programs."""

PRLIMIT64 = {"x86_64": 302, "aarch64": 261}
"""Only for a program's own limits."""

FCNTL = {"x86_64": 72, "aarch64": 25}
"""Not to have the kernel send its signals to other processes: F_SETOWN, F_SETSIG, F_SETOWN_EX."""

PRCTL = {"x86_64": 157, "aarch64": 167}
"""Not to outlive the process that started it: PR_SET_PDEATHSIG."""

_CLONE3 = 435

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_BITS, _ANSWER = 0x20, 0x15, 0x35, 0x45, 0x06
_AT_NUMBER, _AT_ARCHITECTURE, _AT_FIRST_ARGUMENT, _AT_SECOND_ARGUMENT = 0, 4, 16, 24
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_X32 = 0x40000000  # another way to make every call of x86_64, under other numbers
_CLONE_THREAD = 0x00010000

_Step = tuple[int, int, int, int]  # what to do, steps to skip if so and if not, with which value


def make_filter(machine: str = os.uname().machine) -> bytes:
    """Return the filter for this processor, empty where its calls are not known."""
    if machine not in SECCOMP:
        return b""
    column = list(SECCOMP).index(machine)
    refused = [numbers[column] for numbers in REFUSED.values()]
    steps: list[_Step] = [
        (_LOAD, 0, 0, _AT_ARCHITECTURE),
        *((_IF_EQUAL, 1, 0, _ARCHITECTURE[machine]), _answer(EPERM)),
        (_LOAD, 0, 0, _AT_NUMBER),
        *((_IF_AT_LEAST, 0, 1, _X32), _answer(EPERM)),
        *(step for number in refused if number is not None for step in _refuse(number)),
        *_refuse(_CLONE3, ENOSYS),  # its flags cannot be seen from here; the C library takes clone instead
        *_refuse_argument(FCNTL[machine], _AT_SECOND_ARGUMENT, 8, 10, 15),
        *_refuse_argument(PRCTL[machine], _AT_FIRST_ARGUMENT, 1),
        *_allow_if(CLONE[machine], (_IF_BITS, 0, 1, _CLONE_THREAD)),
        *_allow_if(PRLIMIT64[machine], (_IF_EQUAL, 0, 1, 0)),  # its own limits, no other process'
        (_ANSWER, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _answer(error: int) -> _Step:
    return (_ANSWER, 0, 0, _REFUSE | error)


def _refuse(loaded: int, error: int = EPERM) -> tuple[_Step, ...]:
    return (_IF_EQUAL, 0, 1, loaded), _answer(error)


def _refuse_argument(number: int, at: int, *values: int) -> tuple[_Step, ...]:
    """Refuse a call whose argument is one of these."""
    return (
        (_IF_EQUAL, 0, 2 * len(values) + 2, number),
        (_LOAD, 0, 0, at),
        *(step for value in values for step in _refuse(value)),
        (_ANSWER, 0, 0, _ALLOW),
    )


def _allow_if(number: int, test: _Step) -> tuple[_Step, ...]:
    """Refuse a call unless its first argument passes."""
    return (
        (_IF_EQUAL, 0, 4, number),
        (_LOAD, 0, 0, _AT_FIRST_ARGUMENT),
        test,
        (_ANSWER, 0, 0, _ALLOW),
        _answer(EPERM),
    )
