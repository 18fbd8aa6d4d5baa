"""The rows' transitions: exactly one of those who try goes through."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from peewee import OperationalError

from chromi.db import (
    Job,
    JobKind,
    Lease,
    Link,
    State,
    Upload,
    Worker,
    database,
    open_database,
    retry_on_lock,
)
from chromi.db import (
    lease as lease_module,
)
from chromi.db.job import RESTARTING
from chromi.encoder import ConversionOptions, ConversionResult, Progress
from chromi.encoder.encoder_errors import Cancelled, NoFrames, TimedOut
from chromi.errors import NotFound

RESULT = ConversionResult(frames=144, bytes=1, duration_cs=600, width_px=1280, height_px=720, seconds={})


@pytest.fixture(autouse=True)
def _database(tmp_path: Path) -> Iterator[None]:
    open_database(tmp_path)
    with database.connection_context():
        yield


@pytest.fixture
def job() -> Job:
    return Job.create(options_json=ConversionOptions(start_s=1.5).to_dict())


@pytest.fixture
def running(job: Job) -> Job:
    claimed = Job.claim(job.id, "worker-1")
    assert claimed
    return claimed


def state_of(job: Job) -> str:
    return str(Job.find(job.id).state)


def test_the_database_survives_a_power_cut_and_lets_readers_read() -> None:
    assert database.pragma("journal_mode") == "wal"
    assert database.pragma("synchronous") == 2
    assert database.pragma("foreign_keys") == 1


def test_a_recipe_comes_back_as_it_was(job: Job) -> None:
    assert Job.find(job.id).options == ConversionOptions(start_s=1.5)
    assert Job.find(job.id).start_time == "00:00:01.500"


def test_an_unknown_id_is_not_found() -> None:
    with pytest.raises(NotFound):
        Job.find("0" * 32)


def test_only_one_worker_claims_a_job(job: Job) -> None:
    assert Job.claim(job.id, "worker-1")
    assert Job.claim(job.id, "worker-2") is None
    assert Job.find(job.id).worker == "worker-1"


def test_a_job_runs_to_success(running: Job) -> None:
    assert running.report(Progress("encoding", 0.5, "Drawing the GIF"))
    assert running.succeed({"result": RESULT.to_dict()})
    done = Job.find(running.id)
    assert (done.state, done.percent, done.result) == (State.SUCCESS, 100, RESULT)


@pytest.mark.parametrize("end", ["succeed", "fail", "cancel"])
def test_nothing_leaves_a_final_state(running: Job, end: str) -> None:
    assert {
        "succeed": lambda: running.succeed({"result": RESULT.to_dict()}),
        "fail": lambda: running.fail(NoFrames()),
        "cancel": lambda: Job.cancel(running.id),
    }[end]()
    before = state_of(running)
    assert not running.report(Progress("reading", 0.1, ""))
    assert not running.succeed({"result": RESULT.to_dict()})
    assert not running.fail(NoFrames())
    assert not running.release()
    assert not Job.cancel(running.id)
    assert Job.claim(running.id, "worker-2") is None
    assert state_of(running) == before


def test_a_worker_that_lost_its_job_cannot_touch_it(running: Job) -> None:
    """Its lease ran out, the job was queued again, and the same process took it a second time."""
    assert running.release()
    again = Job.claim(running.id, "worker-1")
    assert again
    assert again.attempts == 2
    assert not running.succeed({"result": RESULT.to_dict()})
    assert again.succeed({"result": RESULT.to_dict()})


def test_an_interrupted_attempt_does_not_count_and_says_so(running: Job) -> None:
    assert running.report(Progress("encoding", 0.5, "Drawing the GIF"))
    assert running.release(count_attempt=False)
    again = Job.find(running.id)
    assert (again.attempts, again.step, again.message, again.elapsed_s) == (0, "", RESTARTING, None)


def test_places_in_the_queue_follow_the_order_of_arrival(job: Job) -> None:
    later = Job.create(options_json={}, created_at=job.created_at + 1)
    latest = Job.create(options_json={}, created_at=job.created_at + 2)
    assert [j.queue_position for j in (job, later, latest)] == [0, 1, 2]
    assert Job.claim(job.id, "worker-1")
    assert [j.queue_position for j in (later, latest)] == [0, 1]


def test_the_time_left_follows_from_the_share_done(running: Job) -> None:
    Job.update(started_at=time.time() - 10, progress=0.25).execute()
    half = Job.find(running.id)
    assert half.elapsed_s == pytest.approx(10, abs=1)
    assert half.eta_s == pytest.approx(30, abs=3)


def test_an_estimate_ends_with_sizes_and_no_result(job: Job) -> None:
    Job.update(kind=JobKind.ESTIMATE).execute()
    running = Job.claim(job.id, "worker-1")
    assert running
    assert running.estimates is None
    assert running.succeed({"estimates": {"small": 1, "balanced": 2, "best": 3}})
    done = Job.find(job.id)
    assert (done.state, done.percent, done.result, done.has_background) == (State.SUCCESS, 100, None, False)
    assert done.estimates == {"small": 1, "balanced": 2, "best": 3}


def test_a_conversion_knows_its_estimates_too_unless_it_is_of_an_older_version(running: Job) -> None:
    assert running.succeed({"result": replace(RESULT, estimates={"best": 3}).to_dict()})
    assert Job.find(running.id).estimates == {"best": 3}
    assert Job.find(running.id).has_background
    Job.update(result_json=RESULT.to_dict()).execute()
    assert Job.find(running.id).estimates is None


def link_to(job: Job, **fields: object) -> Link:
    return Link.create(job=job, expires_at=time.time() + 60, **fields)


def test_a_one_time_link_is_held_by_one_download(job: Job) -> None:
    link = link_to(job, max_uses=1)
    assert link.begin_download()
    assert not link.begin_download()
    assert not link.end_download(0, 60, 100)
    assert link.begin_download()
    assert link.end_download(60, 100, 100)
    assert not link.begin_download()
    assert Link.find(link.id).state == "used_up"


def test_only_a_file_sent_in_one_piece_counts(job: Job) -> None:
    link = link_to(job, max_uses=1, active_downloads=3)
    assert not link.end_download(99, 100, 100), "its last byte alone"
    assert not link.end_download(0, 40, 100)
    assert not link.end_download(50, 100, 100), "ten bytes are missing"
    assert Link.find(link.id).sent_bytes == 40


def test_a_download_goes_on_from_where_the_last_one_broke_just_now(job: Job) -> None:
    link = link_to(job, max_uses=1)
    cut = Link.find(link.id)
    assert cut.begin_download()
    cut.end_download(0, 60, 100)
    assert link.begin_download()
    assert link.sent_bytes == 60


def test_two_who_resume_at_once_use_two(job: Job) -> None:
    """Both were let in where the first download broke, so both reach the file's end."""
    link = link_to(job, max_uses=2, sent_bytes=60)
    first, second = Link.find(link.id), Link.find(link.id)
    assert first.begin_download()
    assert second.begin_download()
    assert first.end_download(60, 100, 100)
    assert second.end_download(60, 100, 100)
    assert (Link.find(link.id).uses, Link.find(link.id).state) == (2, "used_up")


def test_an_unlimited_link_serves_many_at_once(job: Job) -> None:
    link = link_to(job)
    assert link.begin_download()
    assert link.begin_download()
    link.end_download(0, 100, 100)
    link.end_download(0, 100, 100)
    assert (Link.find(link.id).uses, Link.find(link.id).is_live) == (2, True)


def test_a_restarted_server_forgets_downloads_that_were_cut_with_it(job: Job) -> None:
    link = link_to(job, max_uses=1)
    assert link.begin_download()
    Link.reset_active_downloads()
    assert link.begin_download()


def test_a_revoked_link_delivers_nothing_and_cannot_be_extended(job: Job) -> None:
    link = link_to(job)
    assert link.revoke()
    assert not link.revoke()
    assert not link.begin_download()
    assert not link.extend_by(60, latest=time.time() + 1000)
    assert Link.find(link.id).state == "revoked"


def test_a_link_is_extended_from_its_end_or_from_now_up_to_a_limit(job: Job) -> None:
    now = time.time()
    link, expired = link_to(job), Link.create(job=job, expires_at=now - 1000)
    assert link.extend_by(100, latest=now + 1000)
    assert Link.find(link.id).expires_at == pytest.approx(now + 160, abs=1)
    assert expired.extend_by(100, latest=now + 1000)
    assert Link.find(expired.id).expires_at == pytest.approx(now + 100, abs=1)
    assert link.extend_by(5000, latest=now + 1000)
    assert not link.extend_by(5000, latest=now + 1000)
    assert Link.find(link.id).expires_at == pytest.approx(now + 1000)


def test_live_links_are_those_that_can_still_be_used(job: Job) -> None:
    live = link_to(job)
    link_to(job, max_uses=1, uses=1)
    Link.create(job=job, expires_at=time.time() - 1)
    link_to(job, revoked_at=time.time())
    assert [link.id for link in Link.select().where(Link.live())] == [live.id]


def test_a_worker_is_alive_while_it_says_so() -> None:
    assert not Worker.is_any_alive()
    Worker.record_heartbeat("worker-1")
    Worker.record_heartbeat("worker-1")
    assert Worker.is_any_alive()
    assert Worker.select().count() == 1
    for seen_at in (time.time() - 60, time.time() + 3600):  # the latter from before the clock was set back
        Worker.update(seen_at=seen_at).execute()
        assert not Worker.is_any_alive()


def test_no_attempt_goes_on_for_ever(running: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy it says it is."""
    progress = Progress("reading", 0.5, "")
    Job.update(heartbeat_at=0).execute()
    with Lease(running, watchdog=False) as lease:
        lease.report(progress)
        assert Job.find(running.id).heartbeat_at == pytest.approx(time.time(), abs=5)
        monkeypatch.setattr(lease_module, "MAX_JOB_S", 0)
        monkeypatch.setattr(lease_module, "REPORT_INTERVAL_S", 0)
        with pytest.raises(TimedOut):
            lease.report(progress)


def test_a_beat_that_cannot_be_written_is_missed_and_ends_nothing(
    running: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(**_: object) -> bool:
        raise OperationalError("database is locked")

    lease = Lease(running, watchdog=False)
    monkeypatch.setattr(running, "_move", locked)
    lease.tick(0.5)
    assert not lease.is_lost()


def test_a_lease_learns_that_the_job_was_cancelled(running: Job) -> None:
    Job.cancel(running.id)
    lease = Lease(running, watchdog=False)
    with pytest.raises(Cancelled):
        lease.tick(0.5)
    assert lease.is_lost()
    Worker.update(seen_at=time.time() - 60).execute()
    assert not Worker.is_any_alive()


def test_what_must_not_be_lost_waits_for_a_lock(job: Job, tmp_path: Path) -> None:
    running = Job.claim(job.id, "worker-1")
    assert running
    database.pragma("busy_timeout", 10)
    other = sqlite3.connect(tmp_path / "chromi.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError):
        running.report(Progress("encoding", 0.5, ""))
    release = threading.Timer(0.3, other.close)
    release.start()
    assert retry_on_lock(lambda: running.succeed({"result": RESULT.to_dict()}))
    assert state_of(job) == State.SUCCESS
    release.join()


def test_patience_ends(job: Job) -> None:
    def fail() -> None:
        raise OperationalError("database is locked")

    with pytest.raises(OperationalError):
        retry_on_lock(fail, patience_s=0)


def test_a_link_without_a_count_needs_no_row_to_be_written(job: Job) -> None:
    link = link_to(job)
    database.pragma("query_only", 1)
    assert link.begin_download()
    database.pragma("query_only", 0)


def test_looking_at_a_clip_is_noted_now_and_then_if_that_can_be(job: Job) -> None:
    upload = Upload.create(length_bytes=1, info_json={}, used_at=time.time() - 5)
    upload.record_use()
    assert Upload.find(upload.id).used_at == upload.used_at
    Upload.update(used_at=time.time() - 100).execute()
    database.pragma("query_only", 1)
    Upload.find(upload.id).record_use()
    database.pragma("query_only", 0)
    Upload.find(upload.id).record_use()
    assert Upload.find(upload.id).used_at == pytest.approx(time.time(), abs=5)
