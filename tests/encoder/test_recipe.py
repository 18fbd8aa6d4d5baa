"""Times and options are read as a person types them, or refused by name."""

import pytest

from chromi.encoder.probe import VideoInfo
from chromi.encoder.recipe import Recipe, format_timecode, parse_timecode
from chromi.errors import BadOptions

FIVE_SECONDS = VideoInfo("mov", "h264", 640, 360, 5.06, 30.0, 0.0, "yuv420p", "bt709", "bt709")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("6", 6),
        ("62.5", 62.5),
        ("00:00:00", 0),
        ("00:01:02.5", 62.5),
        ("0:05", 5),
        ("01:02", 62),
        ("1:02:03", 3723),
        ("99:59:59.999", 359999.999),
        ("  7 ", 7),
        ("1.23456789", 1.235),
        ("90", 90),
    ],
)
def test_a_timecode_is_read(text: str, seconds: float) -> None:
    assert parse_timecode(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-1", "+1", "1e3", "1_000", "nan", "inf", "-inf", "0x10", ".5", "5.", "1,5", "six", "1 2"),
        *("00:60", "00:60:00", "00:00:60", "1:2:3:4", ":30", "30:", "1::2", "00:-1:00", "100:00:00"),
        *("٦", "１", "00:00:0٦", "9999999", "1" * 400, "1\n2", "6\x00", "6s", "00:00:06;rm"),
    ],
)
def test_what_is_no_timecode_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no timecode"):
        parse_timecode(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "00:00:00.000"), (62.5, "00:01:02.500"), (59.9996, "00:01:00.000"), (3723.004, "01:02:03.004")],
)
def test_a_timecode_is_written(seconds: float, text: str) -> None:
    assert format_timecode(seconds) == text


def test_what_is_written_can_be_read() -> None:
    for seconds in (0, 0.001, 59.999, 60, 3599.5, 359998.999):
        assert parse_timecode(format_timecode(seconds)) == pytest.approx(seconds)


def test_an_empty_form_asks_for_the_first_six_seconds() -> None:
    assert Recipe.parse() == Recipe(start_s=0.0, duration_s=6.0)
    assert Recipe().frames == 144


def test_options_are_read() -> None:
    recipe = Recipe.parse(start_time="00:01:02.5", duration="2.5")
    assert recipe == Recipe(62.5, 2.5)
    assert recipe.frames == 60


def test_every_wrong_option_is_named() -> None:
    with pytest.raises(BadOptions) as caught:
        Recipe.parse(start_time="-1", duration="99")
    message = caught.value.user_message
    assert "start_time must be a time" in message
    assert "duration must be between 1 and 10 seconds, not 99" in message


@pytest.mark.parametrize("duration", ["0", "0.999", "10.001", "600"])
def test_the_duration_is_1_to_10_seconds(duration: str) -> None:
    with pytest.raises(BadOptions, match="duration must be between 1 and 10"):
        Recipe.parse(duration=duration)


@pytest.mark.parametrize("duration", ["1", "10", "00:00:06"])
def test_the_ends_of_the_range_are_allowed(duration: str) -> None:
    assert Recipe.parse(duration=duration).duration_s == parse_timecode(duration)


@pytest.mark.parametrize("start_s", [5.06, 6, 1e5])
def test_a_start_after_the_end_is_refused_with_the_length(start_s: float) -> None:
    with pytest.raises(BadOptions, match=r"the clip is only 00:00:05\.060 long"):
        Recipe(start_s=start_s).check_against(FIVE_SECONDS)


def test_a_start_before_the_end_is_allowed() -> None:
    Recipe(start_s=5.05).check_against(FIVE_SECONDS)


def test_a_recipe_and_what_a_probe_found_survive_a_row() -> None:
    recipe = Recipe(1.5, 3.0)
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert VideoInfo.from_dict(FIVE_SECONDS.to_dict()) == FIVE_SECONDS
