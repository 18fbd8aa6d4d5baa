"""Pass 2: choose how to render the frames, and render them as a GIF. Only this package uses numpy."""

import ctypes
import os

_M_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES = -3, 1024**2

# OpenBLAS would start a thread per core. On matrices as small as these, they wait longer than they compute.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Without this, glibc's malloc keeps freed arrays of up to 32 MB for each thread: 100 MB more in total.
# musl has no such option.
if hasattr(_libc := ctypes.CDLL(None), "mallopt"):
    _libc.mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES)
