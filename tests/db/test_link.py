"""A limited link allows exactly `max_uses` downloads, even if they are concurrent or resumed."""

import time

import pytest

from chromi.db import Download, Job, Link
from chromi.db.download import MAX_DOWNLOAD_S
from tests.support.read_only_database import read_only


def create_link(job: Job, **fields: object) -> Link:
    return Link.create(job=job, expires_at=time.time() + 60, **fields)


def test_one_time_link_can_be_reserved_by_one_download_only(job: Job) -> None:
    link = create_link(job, max_uses=1)
    assert link.begin_download()
    assert not link.begin_download()
    assert not link.end_download(0, 60, 100)
    assert link.begin_download()
    assert link.end_download(60, 100, 100)
    assert not link.begin_download()
    assert Link.find(link.id).state == "used_up"


def test_only_contiguous_bytes_complete_a_download(job: Job) -> None:
    link = create_link(job, max_uses=1)
    assert not link.end_download(99, 100, 100), "only the last byte"
    assert not link.end_download(0, 40, 100)
    assert not link.end_download(50, 100, 100), "ten bytes are missing"
    assert Link.find(link.id).sent_bytes == 40


def test_download_resumes_where_the_previous_one_was_just_interrupted(job: Job) -> None:
    link = create_link(job, max_uses=1)
    interrupted = Link.find(link.id)
    assert interrupted.begin_download()
    interrupted.end_download(0, 60, 100)
    assert link.begin_download()
    assert link.sent_bytes == 60


def test_two_downloads_that_resume_at_once_count_as_two_uses(job: Job) -> None:
    """Both resumed where the first download was interrupted, so both reach the end of the file."""
    link = create_link(job, max_uses=2, sent_bytes=60)
    first, second = Link.find(link.id), Link.find(link.id)
    assert first.begin_download()
    assert second.begin_download()
    assert first.end_download(60, 100, 100)
    assert second.end_download(60, 100, 100)
    assert (Link.find(link.id).uses, Link.find(link.id).state) == (2, "used_up")


def test_unlimited_link_serves_parallel_downloads(job: Job) -> None:
    link = create_link(job)
    assert link.begin_download()
    assert link.begin_download()
    link.end_download(0, 100, 100)
    link.end_download(0, 100, 100)
    assert (Link.find(link.id).uses, Link.find(link.id).is_live) == (2, True)


def test_unlimited_link_works_while_the_database_is_read_only(job: Job) -> None:
    link = create_link(job)
    with read_only():
        assert link.begin_download()


def test_bytes_that_add_nothing_to_an_unlimited_link_are_not_written(job: Job) -> None:
    link = create_link(job)
    assert not link.end_download(0, 40, 100)
    with read_only():
        assert not link.end_download(0, 0, 100), "nothing, because the file has not changed"
        assert not link.end_download(0, 1, 100), "the first byte again"
        assert not link.end_download(99, 100, 100), "only the last byte"
    assert link.end_download(40, 100, 100)
    assert Link.find(link.id).uses == 1


def test_server_start_releases_reserved_uses(job: Job) -> None:
    link = create_link(job, max_uses=1)
    assert link.begin_download("this node")
    Download.release_node("another node")
    assert not link.begin_download("this node")
    Download.release_node("this node")
    assert link.begin_download("this node")


def test_use_of_a_lost_download_becomes_available_again(job: Job) -> None:
    link = create_link(job, max_uses=1)
    assert link.begin_download("a machine that is gone")
    Download.update(created_at=time.time() - 5 * 3600).execute()
    assert Download.release_lost() == 0, "a slow client may still receive it"
    Download.update(created_at=time.time() - MAX_DOWNLOAD_S - 1).execute()
    assert Download.release_lost() == 1
    assert link.begin_download("another")


def test_revoked_link_cannot_be_used_or_extended(job: Job) -> None:
    link = create_link(job)
    assert link.revoke()
    assert not link.revoke()
    assert not link.begin_download()
    assert not link.extend_by(60, latest=time.time() + 1000)
    assert Link.find(link.id).state == "revoked"


def test_link_is_extended_from_its_expiry_or_from_now_up_to_a_limit(job: Job) -> None:
    now = time.time()
    link, expired = create_link(job), Link.create(job=job, expires_at=now - 1000)
    assert link.extend_by(100, latest=now + 1000)
    assert Link.find(link.id).expires_at == pytest.approx(now + 160, abs=1)
    assert expired.extend_by(100, latest=now + 1000)
    assert Link.find(expired.id).expires_at == pytest.approx(now + 100, abs=1)
    assert link.extend_by(5000, latest=now + 1000)
    assert not link.extend_by(5000, latest=now + 1000)
    assert Link.find(link.id).expires_at == pytest.approx(now + 1000)


def test_live_links_are_those_that_can_still_be_used(job: Job) -> None:
    live = create_link(job)
    create_link(job, max_uses=1, uses=1)
    Link.create(job=job, expires_at=time.time() - 1)
    create_link(job, revoked_at=time.time())
    assert [link.id for link in Link.select().where(Link.live())] == [live.id]


# -- codes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["00000000", "ffffffff", "0badcafe"])
def test_link_is_found_by_its_code(job: Job, start: str) -> None:
    link = create_link(job, id=start + "0" * 24)
    others = [create_link(job) for _ in range(20)]
    found = Link.get_by_code(link.code)
    assert found
    assert found.id == link.id
    assert len({each.code for each in (link, *others)}) == 21
    link.delete_instance()
    assert Link.get_by_code(link.code) is None


def test_two_links_never_have_the_same_code(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = ["0badcafe" + "0" * 24, "0badcaff" + "1" * 24, "1badcafe" + "2" * 24]  # the first two have one code
    monkeypatch.setattr("chromi.db.link.new_id", lambda: ids.pop(0))
    assert [create_link(job).id[:8] for _ in range(2)] == ["0badcafe", "1badcafe"]
