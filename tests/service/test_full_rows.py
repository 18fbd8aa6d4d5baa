"""Not even a row finds room: what has to be written is refused, nothing of it stays, and all else works."""

from pathlib import Path

import pytest

from tests.clips import make_clip
from tests.conftest import Service
from tests.service.conftest import curl, curl_json, start_job, wait_for_end
from tests.service.test_disk import answer_of, full, small  # noqa: F401  the fixture
from tests.waiting import wait_for

pytestmark = pytest.mark.service


def test_a_row_that_finds_no_room_is_refused_and_written_when_there_is_some(
    small: Service,  # noqa: F811
    tmp_path: Path,
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=2, size="64x36", picture="color")
    made = wait_for_end(small, start_job(small, clip, duration="1"))
    wait_for(lambda: len(small.media()) == 2, "the job's clip to go: its room would be enough")
    upload = curl_json(f"-Fvideo=@{clip}", f"{small.url}/uploads/")
    page = f"{small.url}/jobs/{made['job_id']}/"
    link, once = curl_json("-XPOST", f"{page}links/"), curl_json("-Fone_time=on", f"{page}links/")
    writing = {
        ("-XPOST", f"{page}links/"): 201,
        ("-Fduration=1", f"{small.url}{upload['url']}jobs/"): 202,
        ("-XPOST", small.url + link["revoke_url"]): 200,
    }
    with full(small):
        for words in (*writing, (once["url"],)):
            assert answer_of(*words) == (503, "disk_full"), words
        assert size_of(link["url"]) == made["result"]["bytes"], "nothing has to be written for that"
        listed = curl_json(f"{page}links/")["links"]
    assert sorted(each["url"] for each in listed) == sorted([link["url"], once["url"]])
    for words, status in writing.items():
        assert answer_of(*words) == (status, None), words
    assert size_of(once["url"]) == made["result"]["bytes"], "its use was not taken in vain"
    assert len(curl_json(f"{page}links/")["links"]) == 3
    wait_for(lambda: answer_of(once["url"]) == (410, "link_used_up"), "that use to be counted")
    assert answer_of(link["url"]) == (410, "link_revoked")
    assert "Traceback" not in "".join(small.log)


def size_of(url: str) -> int:
    return int(curl("-o", "/dev/null", "-w", "%{size_download}", url))
