"""Files reach other nodes through a real S3 server; what is unavailable is retried or reported."""

import os
import shutil
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from chromi.errors import ConfigError, NotFound, ServiceBusy, ServiceUnhealthy
from chromi.storage import Storage, new_id
from chromi.storage.bucket import PART_BYTES, Bucket
from tests.support.flaky_proxy import READ_BYTES, FlakyProxy
from tests.support.s3_server import CREDENTIALS, S3Server

LIMIT_S = 0.8
"""A limit on silence that a test need not wait long for."""


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in CREDENTIALS.items():
        monkeypatch.setenv(name, text)


@pytest.fixture
def nodes(s3: S3Server, tmp_path: Path) -> tuple[Storage, Storage]:
    """The storage of two machines that share nothing but a bucket."""
    url = s3.take_bucket()
    first, second = (Storage(tmp_path / name, url) for name in ("first", "second"))
    first.create_folders()
    second.create_folders()
    return first, second


@pytest.mark.parametrize("size_bytes", [0, 1000, PART_BYTES, 2 * PART_BYTES + 1])
def test_file_of_one_node_is_copied_to_another(nodes: tuple[Storage, Storage], size_bytes: int) -> None:
    first, second = nodes
    content, job_id, ticks = os.urandom(size_bytes), new_id(), []
    first.result_path(job_id).write_bytes(content)
    first.publish(first.result_path(job_id), on_tick=lambda: ticks.append(0))
    copy = second.fetch(second.result_path(job_id), lambda: ticks.append(1))
    assert copy.read_bytes() == content
    assert set(ticks) == {0, 1}
    assert list(second.results.iterdir()) == [copy]


def test_copy_of_a_file_that_has_been_replaced_is_renewed(nodes: tuple[Storage, Storage]) -> None:
    first, second = nodes
    still = first.stills_folder(new_id()) / "best.png"
    still.parent.mkdir()
    copy = second.uploads / still.relative_to(first.uploads)
    for content in (b"first estimate", b"second estimate"):
        still.write_bytes(content)
        first.publish(still)
        assert second.fetch(copy, newer_than=time.time()).read_bytes() == content
    first.remove(still)
    assert second.fetch(copy, newer_than=time.time() - 60) == copy, "it is not copied again"


def test_copies_that_a_machine_has_lost_are_made_again(nodes: tuple[Storage, Storage]) -> None:
    first, second = nodes
    path = first.result_path(new_id())
    path.write_bytes(b"GIF")
    first.publish(path)
    shutil.rmtree(second.results.parent)
    assert second.fetch(second.results / path.name).read_bytes() == b"GIF"


def test_removed_file_is_gone_from_the_bucket(nodes: tuple[Storage, Storage]) -> None:
    first, second = nodes
    path = first.upload_path(new_id())
    path.write_bytes(b"clip")
    first.publish(path)
    first.remove(path, first.preview_path(new_id()))
    with pytest.raises(NotFound):
        second.fetch(second.upload_path(path.name))
    assert not second.is_available(second.upload_path(path.name))
    assert list(second.uploads.iterdir()) == []


@pytest.mark.slow
def test_outage_is_retried_for_a_while_and_then_reported(
    s3: S3Server, nodes: tuple[Storage, Storage]
) -> None:
    first, second = nodes
    path = first.upload_path(new_id())
    path.write_bytes(b"clip")
    s3.stop()
    started_at = time.monotonic()
    with pytest.raises(ServiceBusy):
        first.publish(path, retry_s=1)
    assert 1 < time.monotonic() - started_at < 10
    ticks: list[int] = []

    def start_server_at_third_tick() -> None:
        ticks.append(0)
        if len(ticks) == 3:
            s3.start()

    first.publish(path, on_tick=start_server_at_third_tick, retry_s=30)
    assert second.fetch(second.upload_path(path.name)).read_bytes() == b"clip"


def test_slow_download_ends_but_silent_one_does_not(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FlakyProxy(f"http://127.0.0.1:{s3.port}") as proxy:
        url = s3.take_bucket().replace(str(s3.port), str(proxy.port))
        first, second = (Storage(tmp_path / name, url) for name in ("first", "second"))
        path = first.result_path(new_id())
        path.parent.mkdir(parents=True)
        path.write_bytes(os.urandom(12 * READ_BYTES))
        first.publish(path)
        monkeypatch.setattr("chromi.storage.bucket.READ_TIMEOUT_S", LIMIT_S)
        proxy.download_bytes_per_s = 10 * READ_BYTES
        ticks = [time.monotonic()]
        copy = second.fetch(second.results / path.name, lambda: ticks.append(time.monotonic()), retry_s=0)
        assert copy.read_bytes() == path.read_bytes()
        assert ticks[-1] - ticks[0] > LIMIT_S
        assert max(after - before for before, after in pairwise(ticks)) < LIMIT_S

        copy.unlink()
        proxy.download_bytes_per_s = 1
        with pytest.raises(ServiceBusy):
            second.fetch(copy, retry_s=0)


def test_upload_that_stalls_is_given_up(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chromi.storage.bucket.READ_TIMEOUT_S", LIMIT_S)
    with FlakyProxy(f"http://127.0.0.1:{s3.port}") as proxy:
        node = Storage(tmp_path, s3.take_bucket().replace(str(s3.port), str(proxy.port)))
        path = node.result_path(new_id())
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(2 * PART_BYTES))
        proxy.max_bytes = PART_BYTES
        with pytest.raises(ServiceBusy):
            node.publish(path, retry_s=0)


@pytest.mark.slow
def test_start_waits_for_the_server(s3: S3Server, caplog: pytest.LogCaptureFixture) -> None:
    bucket = Bucket(s3.take_bucket())
    s3.stop()
    later = threading.Timer(1, s3.start)
    later.start()
    bucket.wait_until_available()
    later.join()
    assert "The bucket s3://" in caplog.text
    assert "cannot be reached. Retrying in 0.5 s." in caplog.text


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "url", ["s3://bucket//backgrounds", "s3://bucket?virtual_hosted_style_request=maybe"]
)
def test_invalid_url_ends_the_start_at_once(url: str) -> None:
    with pytest.raises(ConfigError, match="CHROMI_STORAGE_URL is invalid: "):
        Bucket(url).wait_until_available()


@pytest.mark.timeout(30)
@pytest.mark.parametrize("check", [Bucket.check, Bucket.wait_until_available])
@pytest.mark.parametrize("fault", ["no such bucket", "wrong key"])
def test_unusable_bucket_is_described(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, fault: str, check: Callable[[Bucket], None]
) -> None:
    url = s3.take_bucket()
    check(Bucket(url))
    if fault == "no such bucket":
        url = s3.url("missing")
    else:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-secret-access-key")
    with pytest.raises(ServiceUnhealthy, match=r"The bucket s3://\S+ cannot be used: ") as error:
        check(Bucket(url))
    assert "another-secret" not in str(error.value)
