"""Job transitions are conditional: of several competing changes, exactly one succeeds."""

import time

import pytest

from chromi.db import Job, JobKind, State
from chromi.db.job import RESTARTING
from chromi.encoder import ConversionOptions, ConversionResult, Progress
from chromi.encoder.encoder_errors import NoFrames
from chromi.errors import NotFound

RESULT = ConversionResult(frames=144, bytes=1, duration_cs=600, width_px=1280, height_px=720, seconds={})
SUCCESS = {"result": RESULT.to_dict(), "estimates": {"best": 3}}


def state_of(job: Job) -> str:
    return str(Job.find(job.id).state)


def test_options_are_restored_from_the_row(job: Job) -> None:
    assert Job.find(job.id).options == ConversionOptions(start_s=1.5)
    assert Job.find(job.id).start_time == "00:00:01.500"


def test_find_raises_not_found_for_unknown_id(job: Job) -> None:
    with pytest.raises(NotFound):
        Job.find("0" * 32)


def test_job_is_claimed_by_one_worker_only(job: Job) -> None:
    assert Job.claim(job.id, "worker-1")
    assert Job.claim(job.id, "worker-2") is None
    assert Job.find(job.id).worker == "worker-1"


def test_job_runs_to_success(running: Job) -> None:
    assert running.report(Progress("encoding", 0.5, "Rendering the GIF"))
    assert running.succeed(SUCCESS)
    done = Job.find(running.id)
    assert (done.state, done.percent, done.result) == (State.SUCCESS, 100, RESULT)
    assert (done.has_background, done.result_json) == (True, SUCCESS)


@pytest.mark.parametrize("end", ["succeed", "fail", "cancel"])
def test_final_states_cannot_be_left(running: Job, end: str) -> None:
    assert {
        "succeed": lambda: running.succeed(SUCCESS),
        "fail": lambda: running.fail(NoFrames()),
        "cancel": lambda: Job.cancel(running.id),
    }[end]()
    before = state_of(running)
    assert not running.report(Progress("reading", 0.1, ""))
    assert not running.succeed(SUCCESS)
    assert not running.fail(NoFrames())
    assert not running.release()
    assert not Job.cancel(running.id)
    assert Job.claim(running.id, "worker-2") is None
    assert state_of(running) == before


def test_earlier_attempt_of_the_same_worker_cannot_change_the_job(running: Job) -> None:
    """The lease expired, the job was requeued, and the same process claimed it again."""
    assert running.release()
    second = Job.claim(running.id, "worker-1")
    assert second
    assert second.attempts == 2
    assert not running.succeed(SUCCESS)
    assert second.succeed(SUCCESS)


def test_interrupted_attempt_is_not_counted_but_is_announced(running: Job) -> None:
    assert running.report(Progress("encoding", 0.5, "Rendering the GIF"))
    assert running.release(count_attempt=False)
    requeued = Job.find(running.id)
    assert (requeued.attempts, requeued.step, requeued.message) == (0, "", RESTARTING)
    assert requeued.elapsed_s is None


def test_queue_positions_follow_the_order_of_creation(job: Job) -> None:
    later = Job.create(options_json={}, created_at=job.created_at + 1)
    latest = Job.create(options_json={}, created_at=job.created_at + 2)
    assert [each.queue_position for each in (job, later, latest)] == [0, 1, 2]
    assert Job.claim(job.id, "worker-1")
    assert [each.queue_position for each in (later, latest)] == [0, 1]


def test_remaining_time_is_extrapolated_from_progress(running: Job) -> None:
    Job.update(started_at=time.time() - 10, progress=0.25).execute()
    found = Job.find(running.id)
    assert found.elapsed_s == pytest.approx(10, abs=1)
    assert found.eta_s == pytest.approx(30, abs=3)


def test_estimate_has_sizes_and_no_background(job: Job) -> None:
    Job.update(kind=JobKind.ESTIMATE).execute()
    running = Job.claim(job.id, "worker-1")
    assert running
    assert running.succeed({"estimates": {"small": 1, "balanced": 2, "best": 3}})
    done = Job.find(job.id)
    assert (done.state, done.percent, done.result, done.has_background) == (State.SUCCESS, 100, None, False)
    assert done.result_json == {"estimates": {"small": 1, "balanced": 2, "best": 3}}
