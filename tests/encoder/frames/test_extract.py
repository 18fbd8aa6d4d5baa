"""The window holds exactly the frames that were asked for, whatever the file's clock looks like."""

import re
from pathlib import Path

import pytest
from PIL import Image

from chromi.encoder.options import ConversionOptions
from chromi.encoder.source.probe import probe_video
from chromi.errors import BadOptions
from tests.encoder.conftest import COUNTING, Keep, counting_clip, lumas
from tests.support.clips import ffmpeg, make_clip

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return counting_clip(tmp_path_factory.mktemp("counting") / "c.mp4")


@pytest.mark.parametrize("first", [0, 1, 30, 47, 48, 49, 100])
def test_the_window_starts_at_the_very_frame(first: int, counting: Path, keep: Keep) -> None:
    kept = keep(counting, start_s=first / 24)
    assert kept.count == 24
    assert lumas(kept) == list(range(20 + first, 20 + first + 24))


@pytest.mark.parametrize("suffix", ["mkv", "mov"])
def test_other_containers_seek_as_exactly(suffix: str, counting: Path, tmp_path: Path, keep: Keep) -> None:
    clip = tmp_path / f"c.{suffix}"
    ffmpeg("-i", counting, "-c", "copy", clip)
    assert lumas(keep(clip, start_s=60 / 24)) == pytest.approx(range(80, 104), abs=1)


def test_a_fragmented_file_seeks_as_exactly(counting: Path, tmp_path: Path, keep: Keep) -> None:
    clip = tmp_path / "c.mp4"
    ffmpeg("-i", counting, "-c", "copy", "-movflags", "frag_keyframe+empty_moov+default_base_moof", clip)
    assert probe_video(clip).duration_s == pytest.approx(6, abs=0.05)
    assert lumas(keep(clip, start_s=60 / 24)) == list(range(80, 104))


@pytest.mark.parametrize("offset_s", ["3.7", "100"])
def test_a_clip_whose_clock_starts_late_loses_and_repeats_nothing(
    offset_s: str, counting: Path, tmp_path: Path, keep: Keep
) -> None:
    clip = tmp_path / "c.mkv"
    ffmpeg("-i", counting, "-c", "copy", "-output_ts_offset", offset_s, clip)
    assert probe_video(clip).duration_s == pytest.approx(6, abs=0.05)
    for first in (0, 60):
        assert lumas(keep(clip, start_s=first / 24)) == list(range(20 + first, 44 + first))


def test_sound_that_starts_before_the_picture_costs_no_frames(
    counting: Path, tmp_path: Path, keep: Keep
) -> None:
    clip = tmp_path / "c.mkv"
    ffmpeg(
        *("-f", "lavfi", "-t", "8", "-i", "sine", "-itsoffset", "1.5", "-i", counting),
        *("-map", "0", "-map", "1", "-c:v", "copy", clip),
    )
    assert lumas(keep(clip)) == list(range(20, 44))
    assert probe_video(clip).duration_s == pytest.approx(6, abs=0.05)


def test_sound_that_outlasts_the_picture_does_not_count(counting: Path, tmp_path: Path) -> None:
    clip = tmp_path / "c.mp4"
    ffmpeg(
        "-f",
        "lavfi",
        "-t",
        "15",
        "-i",
        "sine",
        "-i",
        counting,
        "-map",
        "0",
        "-map",
        "1",
        "-c:v",
        "copy",
        clip,
    )
    assert probe_video(clip).duration_s == pytest.approx(6, abs=0.05)


@pytest.mark.parametrize(("rate", "step"), [(12, 0.5), (48, 2), (60, 2.5)])
def test_other_frame_rates_become_24(rate: int, step: float, tmp_path: Path, keep: Keep) -> None:
    clip = counting_clip(tmp_path / "c.mp4", seconds=3, rate=rate)
    assert lumas(keep(clip, start_s=1)) == pytest.approx(
        [20 + rate + step * number for number in range(24)], abs=1
    )


def test_a_variable_frame_rate_is_held_to_its_clock(tmp_path: Path, keep: Keep) -> None:
    """Frames 0 to 11 come at 24 fps, then one stands for two seconds."""
    clip = make_clip(
        tmp_path / "c.mp4",
        seconds=9,
        size="32x18",
        rate=24,
        picture="color=black",
        filters=f"{COUNTING},setpts='PTS+gte(N,12)*2/TB'",
        options=("-fps_mode", "vfr", "-qp", "0"),
    )
    assert lumas(keep(clip)) == [*range(20, 32), *[31] * 12]


def test_a_picture_shown_since_long_before_the_window_is_in_it(tmp_path: Path, keep: Keep) -> None:
    slides = [Image.new("L", (64, 36), gray) for gray in (40, 120, 200)]
    clip = tmp_path / "c.gif"
    slides[0].save(clip, save_all=True, append_images=slides[1:], duration=4000, loop=0)
    assert probe_video(clip).duration_s == pytest.approx(12, abs=0.01)
    kept = keep(clip, start_s=7.5)
    shown = [round((luma - 16) * 255 / 219) for luma in lumas(kept)]
    assert shown == pytest.approx([120] * 12 + [200] * 12, abs=4)


def test_a_screen_recording_that_stands_still_has_its_window_filled(tmp_path: Path, keep: Keep) -> None:
    clip = make_clip(
        tmp_path / "c.mp4",
        seconds=30,
        size="32x18",
        rate=1 / 10,
        picture="color=black",
        filters=COUNTING,
        options=("-qp", "0"),
    )
    assert lumas(keep(clip, start_s=15)) == [21] * 24


def test_a_window_that_the_clip_ends_is_shorter(counting: Path, keep: Keep) -> None:
    kept = keep(counting, start_s=5.5, duration_s=6)
    assert lumas(kept) == list(range(20 + 132, 20 + 144))


def test_a_window_in_the_last_frame_holds_one(counting: Path, keep: Keep) -> None:
    assert keep(counting, start_s=5.99).count == 1


def test_a_start_after_the_end_says_how_long_the_clip_is(counting: Path) -> None:
    with pytest.raises(BadOptions, match=r"only 00:00:06\.000 long"):
        ConversionOptions(start_s=6.0).check_against(probe_video(counting))


def test_a_recording_without_a_duration_is_measured(tmp_path: Path, keep: Keep) -> None:
    """What a browser's MediaRecorder writes: no duration, no index."""
    clip = counting_clip(tmp_path / "c.webm", seconds=3, codec="libvpx")
    live = tmp_path / "live.webm"
    ffmpeg("-i", clip, "-c", "copy", "-live", "1", live)
    assert probe_video(live).duration_s == pytest.approx(3, abs=0.05)
    assert lumas(keep(live, start_s=1.5)) == pytest.approx(range(56, 80), abs=2)


def test_of_a_cut_off_file_the_rest_is_used(tmp_path: Path, keep: Keep) -> None:
    """The index in front promises six seconds; the bytes end in the middle."""
    whole = make_clip(tmp_path / "whole.mp4", seconds=6, options=("-movflags", "+faststart", "-g", "30"))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    info = probe_video(cut)
    assert 2 < info.duration_s < 4.5
    assert 24 < keep(cut, duration_s=6).count < 110


def test_a_later_start_is_decoded_as_the_beginning_is(tmp_path: Path, keep: Keep) -> None:
    """Before version 151 x264 wrote 4:4:4 in a way of its own, which a note in the first frame alone tells.

    Today's x264 is made to claim that here: read as it says, the still picture is rubbish, but the same
    rubbish from every start. Of a real clip of then the beginning would be right.
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
    honest = lumas(keep(clip, start_s=1.5))
    claims = tmp_path / "claims.mp4"
    claims.write_bytes(re.sub(rb"x264 - core \d+", b"x264 - core 142", clip.read_bytes()))
    assert lumas(keep(claims, start_s=1.5)) == lumas(keep(claims)) != honest


def test_two_pictures_an_hour_apart_do_not_become_86400(tmp_path: Path, keep: Keep) -> None:
    clip = make_clip(
        tmp_path / "c.mp4", seconds=7200, size="32x18", rate=1 / 3600, picture="color=black", filters=COUNTING
    )
    assert keep(clip, duration_s=6).count == 144
