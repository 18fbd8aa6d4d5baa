"""The extracted window has exactly the requested frames, for all kinds of timestamps."""

import re
from pathlib import Path

import pytest
from PIL import Image

from chromi.encoder.options import ConversionOptions
from chromi.encoder.source.probe import probe_video
from chromi.errors import BadOptions
from tests.encoder.conftest import COUNTING_FILTERS, Extract, make_counting_clip, read_lumas
from tests.support.clips import ffmpeg, make_clip

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_counting_clip(tmp_path_factory.mktemp("counting") / "c.mp4")


@pytest.mark.parametrize("first", [0, 1, 30, 47, 48, 49, 100])
def test_window_starts_at_exact_frame(first: int, counting: Path, extract: Extract) -> None:
    extracted = extract(counting, start_s=first / 24)
    assert extracted.count == 24
    assert read_lumas(extracted) == list(range(20 + first, 20 + first + 24))


@pytest.mark.parametrize("suffix", ["mkv", "mov"])
def test_other_containers_seek_exactly(suffix: str, counting: Path, tmp_path: Path, extract: Extract) -> None:
    clip = tmp_path / f"c.{suffix}"
    ffmpeg("-i", counting, "-c", "copy", clip)
    assert read_lumas(extract(clip, start_s=60 / 24)) == pytest.approx(range(80, 104), abs=1)


def test_fragmented_file_seeks_exactly(counting: Path, tmp_path: Path, extract: Extract) -> None:
    clip = tmp_path / "c.mp4"
    ffmpeg("-i", counting, "-c", "copy", "-movflags", "frag_keyframe+empty_moov+default_base_moof", clip)
    assert probe_video(clip).duration_s == pytest.approx(6, abs=0.05)
    assert read_lumas(extract(clip, start_s=60 / 24)) == list(range(80, 104))


@pytest.mark.parametrize("offset_s", ["3.7", "100"])
def test_timestamp_offset_neither_drops_nor_repeats_frames(
    offset_s: str, counting: Path, tmp_path: Path, extract: Extract
) -> None:
    clip = tmp_path / "c.mkv"
    ffmpeg("-i", counting, "-c", "copy", "-output_ts_offset", offset_s, clip)
    assert probe_video(clip).duration_s == pytest.approx(6, abs=0.05)
    for first in (0, 60):
        assert read_lumas(extract(clip, start_s=first / 24)) == list(range(20 + first, 44 + first))


def test_audio_that_starts_before_video_drops_no_frames(
    counting: Path, tmp_path: Path, extract: Extract
) -> None:
    clip = tmp_path / "c.mkv"
    ffmpeg(
        *("-f", "lavfi", "-t", "8", "-i", "sine", "-itsoffset", "1.5", "-i", counting),
        *("-map", "0", "-map", "1", "-c:v", "copy", clip),
    )
    assert read_lumas(extract(clip)) == list(range(20, 44))
    assert probe_video(clip).duration_s == pytest.approx(6, abs=0.05)


def test_audio_longer_than_video_does_not_extend_duration(counting: Path, tmp_path: Path) -> None:
    clip = tmp_path / "c.mp4"
    ffmpeg(
        *("-f", "lavfi", "-t", "15", "-i", "sine", "-i", counting),
        *("-map", "0", "-map", "1", "-c:v", "copy", clip),
    )
    assert probe_video(clip).duration_s == pytest.approx(6, abs=0.05)


@pytest.mark.parametrize(("rate", "step"), [(12, 0.5), (48, 2), (60, 2.5)])
def test_other_frame_rates_are_converted_to_24_fps(
    rate: int, step: float, tmp_path: Path, extract: Extract
) -> None:
    clip = make_counting_clip(tmp_path / "c.mp4", seconds=3, rate=rate)
    assert read_lumas(extract(clip, start_s=1)) == pytest.approx(
        [20 + rate + step * number for number in range(24)], abs=1
    )


def test_variable_frame_rate_follows_timestamps(tmp_path: Path, extract: Extract) -> None:
    """Frames 0 to 11 are 1/24 s apart, and frame 11 is shown for two seconds."""
    clip = make_clip(
        tmp_path / "c.mp4",
        seconds=9,
        size="32x18",
        rate=24,
        pattern="color=black",
        filters=f"{COUNTING_FILTERS},setpts='PTS+gte(N,12)*2/TB'",
        options=("-fps_mode", "vfr", "-qp", "0"),
    )
    assert read_lumas(extract(clip)) == [*range(20, 32), *[31] * 12]


def test_frame_on_screen_at_window_start_is_included(tmp_path: Path, extract: Extract) -> None:
    slides = [Image.new("L", (64, 36), gray) for gray in (40, 120, 200)]
    clip = tmp_path / "c.gif"
    slides[0].save(clip, save_all=True, append_images=slides[1:], duration=4000, loop=0)
    assert probe_video(clip).duration_s == pytest.approx(12, abs=0.01)
    extracted = extract(clip, start_s=7.5)
    shown = [round((luma - 16) * 255 / 219) for luma in read_lumas(extracted)]
    assert shown == pytest.approx([120] * 12 + [200] * 12, abs=4)


def test_still_screen_recording_fills_window(tmp_path: Path, extract: Extract) -> None:
    clip = make_clip(
        tmp_path / "c.mp4",
        seconds=30,
        size="32x18",
        rate=1 / 10,
        pattern="color=black",
        filters=COUNTING_FILTERS,
        options=("-qp", "0"),
    )
    assert read_lumas(extract(clip, start_s=15)) == [21] * 24


def test_window_past_end_of_clip_is_shorter(counting: Path, extract: Extract) -> None:
    extracted = extract(counting, start_s=5.5, duration_s=6)
    assert read_lumas(extracted) == list(range(20 + 132, 20 + 144))


def test_window_in_last_frame_has_one_frame(counting: Path, extract: Extract) -> None:
    assert extract(counting, start_s=5.99).count == 1


def test_start_after_end_error_names_clip_duration(counting: Path) -> None:
    with pytest.raises(BadOptions, match=r"only 00:00:06\.000 long"):
        ConversionOptions(start_s=6.0).check_against(probe_video(counting))


def test_duration_is_measured_when_file_has_none(tmp_path: Path, extract: Extract) -> None:
    """A browser's MediaRecorder writes neither duration nor index."""
    clip = make_counting_clip(tmp_path / "c.webm", seconds=3, codec="libvpx")
    live = tmp_path / "live.webm"
    ffmpeg("-i", clip, "-c", "copy", "-live", "1", live)
    assert probe_video(live).duration_s == pytest.approx(3, abs=0.05)
    assert read_lumas(extract(live, start_s=1.5)) == pytest.approx(range(56, 80), abs=2)


def test_truncated_file_is_used_up_to_its_end(tmp_path: Path, extract: Extract) -> None:
    """The index at the start lists six seconds, but the data ends in the middle."""
    whole = make_clip(tmp_path / "whole.mp4", seconds=6, options=("-movflags", "+faststart", "-g", "30"))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    info = probe_video(cut)
    assert 2 < info.duration_s < 4.5
    assert 24 < extract(cut, duration_s=6).count < 110


def test_old_x264_clip_decodes_identically_from_every_start(tmp_path: Path, extract: Extract) -> None:
    """Before build 151 x264 wrote 4:4:4 incorrectly, which only a note in the first frame reveals.

    The note of a current x264 is changed to an old build. Decoding it as if it came from that build gives
    wrong pixels, but they must be the same from every start.
    """
    clip = make_clip(
        tmp_path / "c.mp4",
        seconds=3,
        rate=24,
        size="320x180",
        filters="trim=end_frame=1,loop=71:1",
        pix_fmt="yuv444p",
        options=("-preset", "medium", "-g", "12", "-qp", "26"),
    )
    unchanged = read_lumas(extract(clip, start_s=1.5))
    relabeled = tmp_path / "relabeled.mp4"
    relabeled.write_bytes(re.sub(rb"x264 - core \d+", b"x264 - core 142", clip.read_bytes()))
    assert read_lumas(extract(relabeled, start_s=1.5)) == read_lumas(extract(relabeled)) != unchanged


def test_gap_of_an_hour_does_not_add_frames(tmp_path: Path, extract: Extract) -> None:
    clip = make_clip(
        tmp_path / "c.mp4",
        seconds=7200,
        size="32x18",
        rate=1 / 3600,
        pattern="color=black",
        filters=COUNTING_FILTERS,
    )
    assert extract(clip, duration_s=6).count == 144
