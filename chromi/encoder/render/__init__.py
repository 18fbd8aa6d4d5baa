"""Pass 2: choose how to render the frames, and render them as a GIF. Only this package uses numpy."""

import ctypes
import os

_M_TRIM_THRESHOLD, _TRIM_THRESHOLD_BYTES = -1, 4 * 1024**2
_M_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES = -3, 1024**2
_M_ARENA_MAX, _MAX_ARENAS = -8, 1

# OpenBLAS would start a thread per core. On matrices as small as these, they wait longer than they compute.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Otherwise, glibc's malloc keeps freed arrays of up to 32 MB for each thread: 100 MB more in total. Setting
# one threshold stops malloc from adapting the other (mallopt(3)), which is 128 KiB by default. Memory for
# smaller arrays would be returned and requested again for each frame, a tenth of the time of rendering. One
# heap for all threads, of which only one runs at a time, saves another 15 MB. musl has no such options.
if hasattr(_libc := ctypes.CDLL(None), "mallopt"):
    _libc.mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES)
    _libc.mallopt(_M_TRIM_THRESHOLD, _TRIM_THRESHOLD_BYTES)
    _libc.mallopt(_M_ARENA_MAX, _MAX_ARENAS)
