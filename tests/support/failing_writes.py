"""Make every write to a file fail in this process, as on a full disk or a read-only file system."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def failing_writes() -> Iterator[None]:
    """Set the file size limit to 0. Python ignores SIGXFSZ, so writing raises an error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
