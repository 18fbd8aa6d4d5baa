"""Run a job whose result takes longer than a lease to write.

`python -m tests.support.slow_disk_job CLIP`
"""

import os
import shutil
import stat
import sys
import time
from pathlib import Path

from chromi.config import Settings
from chromi.db import Job, JobKind, Upload, database, lease
from chromi.encoder import ConversionOptions, probe_video
from chromi.jobs.queue import open_service
from chromi.jobs.runner import run_job

LEASE_S = 2
WRITE_S = 3

fsync = os.fsync


def fsync_slowly_once(descriptor: int) -> None:
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.fsync = fsync
        time.sleep(WRITE_S)
    fsync(descriptor)


def main(clip: Path) -> None:
    settings = Settings.from_environ()
    storage, _ = open_service(settings)
    with database.connection_context():
        upload = Upload.create(length_bytes=clip.stat().st_size, info_json=probe_video(clip).to_dict())
        shutil.copy(clip, storage.upload_path(upload.id))
        Job.create(upload=upload, options_json=ConversionOptions(duration_s=1.0).to_dict())
        job = Job.claim_next([JobKind.CONVERT], "worker")
        assert job
        lease.LEASE_S = LEASE_S
        os.fsync = fsync_slowly_once
        run_job(job, settings, storage)
        print(Job.find(job.id).state)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
