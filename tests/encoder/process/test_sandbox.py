"""A compromised program cannot reach files, the network or other processes."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from chromi.encoder.process.landlock import find_abi
from tests.encoder.process.escape_attempts import (
    CAPABILITY_ATTEMPTS,
    FILE_ATTEMPTS,
    OTHER_ATTEMPTS,
    run_attempts,
)
from tests.encoder.process.sandboxes import (
    LANDLOCK_ONLY,
    SECCOMP_ONLY,
    UNRESTRICTED,
    needs_full_sandbox,
    use_sandbox,
)
from tests.support.canary import Canary
from tests.support.waiting import wait_for

pytestmark = [needs_full_sandbox, pytest.mark.usefixtures("abstract_socket")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of another job."""
    folder = tmp_path / "another job"
    folder.mkdir()
    for name in ("secret", "a", "c", "d"):
        (folder / name).write_text("secret")
    with suppress(OSError):  # some file systems do not support extended attributes
        os.setxattr(folder / "d", "user.chromi", b"1")
    return folder


@pytest.fixture
def abstract_socket(canary: Canary) -> Iterator[None]:
    """A listener on an abstract UNIX socket, which has no file."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0chromi-{canary.port}")
        listener.listen()
        yield


def test_full_sandbox_prevents_every_attempt(
    folder: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch, fresh_detection: None
) -> None:
    monkeypatch.setenv("CHROMI_SECRET_KEY", "the key that signs")
    succeeded, environment = run_attempts(folder, canary)
    assert succeeded == set()
    assert canary.connections == 0
    assert sorted(environment) == ["LANG", "PATH", "TMPDIR"]
    assert (folder / "secret").read_text() == "secret"
    assert sorted(path.name for path in folder.iterdir()) == ["a", "c", "d", "secret"]


def test_landlock_alone_protects_files(folder: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    use_sandbox(LANDLOCK_ONLY, monkeypatch)
    succeeded, _ = run_attempts(folder, canary)
    min_abis = {"connect": 4, "listen": 4, "connect to an abstract socket": 6, "send a signal": 6}
    prevented = {name for name, abi in min_abis.items() if find_abi() >= abi}
    assert succeeded & (FILE_ATTEMPTS | prevented) == set()
    assert "send a datagram" in succeeded, "the sandbox's description says that UDP is open"


def test_seccomp_alone_protects_network_and_processes(
    folder: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_sandbox(SECCOMP_ONLY, monkeypatch)
    succeeded, _ = run_attempts(folder, canary)
    assert succeeded & OTHER_ATTEMPTS == set()
    assert canary.connections == 0
    assert "read a file" in succeeded, "the sandbox's description says that every file can be read"


def test_attacks_succeed_without_sandbox(
    folder: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This shows that the attacks in the tests above would work without the sandbox."""
    use_sandbox(UNRESTRICTED, monkeypatch)
    succeeded, environment = run_attempts(folder, canary)
    # The kernel may lack these.
    optional = {"set up io_uring", "compare processes", "remove an attribute", *CAPABILITY_ATTEMPTS}
    assert succeeded | optional == FILE_ATTEMPTS | OTHER_ATTEMPTS
    wait_for(lambda: canary.connections == 1, "the connection to be counted")
    assert sorted(environment) == ["LANG", "PATH", "TMPDIR"]
