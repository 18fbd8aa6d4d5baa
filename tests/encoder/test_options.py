"""Timecodes and options are parsed from user input, or rejected with an error that names them."""

import json
from dataclasses import fields, replace

import pytest

from chromi.encoder.options import (
    OPTIONS,
    ConversionOptions,
    CropBars,
    Framing,
    Loop,
    Motion,
    Quality,
    Scaling,
    Short,
)
from chromi.encoder.source.video_info import VideoInfo
from chromi.encoder.timecode import format_timecode, parse_timecode
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
        ("0:12,4", 12.4),
        ("12,4", 12.4),
        ("0:05", 5),
        ("01:02", 62),
        ("1:02:03", 3723),
        ("99:59:59.999", 359999.999),
        ("  7 ", 7),
        ("1.23456789", 1.235),
        ("90", 90),
    ],
)
def test_parse_timecode(text: str, seconds: float) -> None:
    assert parse_timecode(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-1", "+1", "1e3", "1_000", "nan", "inf", "-inf", "0x10", ".5", "5.", "six", "1 2"),
        *("1,", "1.2,5", ",5"),
        *("00:60", "00:60:00", "00:00:60", "1:2:3:4", ":30", "30:", "1::2", "00:-1:00", "100:00:00"),
        *("٦", "１", "00:00:0٦", "9999999", "1" * 400, "1\n2", "6\x00", "6s", "00:00:06;rm"),
    ],
)
def test_parse_timecode_rejects_other_text(text: str) -> None:
    with pytest.raises(ValueError, match="not a timecode"):
        parse_timecode(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "00:00:00.000"), (62.5, "00:01:02.500"), (59.9996, "00:01:00.000"), (3723.004, "01:02:03.004")],
)
def test_format_timecode(seconds: float, text: str) -> None:
    assert format_timecode(seconds) == text


def test_formatted_timecodes_can_be_parsed() -> None:
    for seconds in (0, 0.001, 59.999, 60, 3599.5, 359998.999):
        assert parse_timecode(format_timecode(seconds)) == pytest.approx(seconds)


def test_defaults_are_the_first_six_seconds() -> None:
    assert ConversionOptions.parse() == ConversionOptions(start_s=0.0, duration_s=6.0)
    assert ConversionOptions().frames == 144


def test_parse_reads_start_and_duration() -> None:
    options = ConversionOptions.parse(start_time="00:01:02.5", duration="2.5")
    assert options == ConversionOptions(62.5, 2.5)
    assert options.frames == 60


def test_error_names_every_invalid_option() -> None:
    with pytest.raises(BadOptions) as caught:
        ConversionOptions.parse(start_time="-1", duration="99")
    message = caught.value.user_message
    assert "start_time must be a time" in message
    assert "duration must be between 1 and 10 seconds, not 99" in message


@pytest.mark.parametrize("duration", ["0", "0.999", "10.001", "600"])
def test_duration_out_of_range_is_rejected(duration: str) -> None:
    with pytest.raises(BadOptions, match="duration must be between 1 and 10"):
        ConversionOptions.parse(duration=duration)


@pytest.mark.parametrize("duration", ["1", "10", "00:00:06"])
def test_duration_limits_are_accepted(duration: str) -> None:
    assert ConversionOptions.parse(duration=duration).duration_s == parse_timecode(duration)


@pytest.mark.parametrize("start_s", [5.06, 6, 1e5])
def test_start_after_end_of_clip_is_rejected_with_its_length(start_s: float) -> None:
    with pytest.raises(BadOptions, match=r"the video is only 00:00:05\.060 long"):
        ConversionOptions(start_s=start_s).check_against(FIVE_SECONDS)


def test_start_before_end_of_clip_is_accepted() -> None:
    ConversionOptions(start_s=5.05).check_against(FIVE_SECONDS)


def test_options_and_video_info_survive_serialization() -> None:
    options = ConversionOptions(1.5, 3.0)
    assert ConversionOptions.from_dict(options.to_dict()) == options
    assert VideoInfo.from_dict(FIVE_SECONDS.to_dict()) == FIVE_SECONDS


TEXTS = {
    "start_time": "1:02.5",
    "duration": "2.5",
    "quality": "best",
    "max_mb": "9.5",
    "motion": "Smooth",
    "framing": " Fit ",
    "focus": "0, 0.25",
    "pad": "#AABBCC",
    "size": "1920x1080",
    "scaling": "pixelated",
    "loop": "crossfade",
    "speed": "1.25",
    "reverse": "on",
    "short": "repeat",
    "zoom": "1.5",
    "crop_bars": "auto",
    "blur": "2.5",
    "brightness": "120",
    "saturation": "0",
    "darken": "30",
}
PARSED = ConversionOptions(
    start_s=62.5,
    duration_s=2.5,
    quality=Quality.BEST,
    max_mb=9.5,
    motion=Motion.SMOOTH,
    framing=Framing.FIT,
    focus=(0.0, 0.25),
    pad="#aabbcc",
    width_px=1920,
    height_px=1080,
    loop=Loop.CROSSFADE,
    speed=1.25,
    reverse=True,
    short=Short.REPEAT,
    scaling=Scaling.PIXELATED,
    zoom=1.5,
    crop_bars=CropBars.AUTO,
    blur_px=2.5,
    brightness_percent=120.0,
    saturation_percent=0.0,
    darken_percent=30.0,
)


def test_parse_reads_every_option() -> None:
    assert TEXTS.keys() == set(OPTIONS)
    assert ConversionOptions.parse(**TEXTS) == PARSED


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("quality", "good", "quality must be small, balanced or best"),
        ("max_mb", "0", "max_mb must be a number between 0.1 and 500"),
        ("max_mb", "501", "max_mb must be a number between 0.1 and 500"),
        ("max_mb", "lots", "max_mb must be a number between 0.1 and 500"),
        ("motion", "fast", "motion must be auto, smooth or color"),
        ("framing", "wide", "framing must be fill, fit or blur"),
        *(("focus", text, "focus must be X,Y") for text in ("0.5", "0.5,1.1", "-1,0", "a,b", "1,1,1", ",")),
        *(("pad", text, "pad must be auto or a color") for text in ("red", "#fff", "0xffffff", "#12345g")),
        ("size", "3840x2160", "size must be 1280x720 or 1920x1080"),
        ("scaling", "nearest", "scaling must be auto, smooth or pixelated"),
        ("loop", "forever", "loop must be cut, crossfade or boomerang"),
        *(("speed", text, "speed must be") for text in ("0.49", "2.01", "1e0", "nan", "١")),
        ("reverse", "perhaps", "reverse must be on, true"),
        ("short", "long", "short must be play, boomerang or repeat"),
        *(("zoom", text, "zoom must be a number between 1 and 3") for text in ("0.9", "3.1", "in")),
        ("crop_bars", "on", "crop_bars must be auto or off"),
        *(("blur", text, "blur must be a number between 0 and 20") for text in ("-1", "20.5", "4px")),
        *(("brightness", text, "brightness must be a number between 50 and 150") for text in ("49", "151")),
        *(("saturation", text, "saturation must be a number between 0 and 200") for text in ("-1", "201")),
        *(("darken", text, "darken must be a number between 0 and 60") for text in ("61", "30%")),
        ("color", "red", "Unknown option: color"),
    ],
)
def test_error_states_the_allowed_values(name: str, text: str, words: str) -> None:
    with pytest.raises(BadOptions) as caught:
        ConversionOptions.parse(**{name: text})
    assert caught.value.user_message.startswith(words)
    assert caught.value.user_message.count(" must be ") <= 1


def test_error_covers_all_options_in_one_sentence() -> None:
    with pytest.raises(BadOptions) as caught:
        ConversionOptions.parse(**dict.fromkeys(OPTIONS, "?"))
    for name in OPTIONS:
        assert f"{name} must be" in caught.value.user_message


def test_form_and_json_restore_the_options() -> None:
    for options in (ConversionOptions(), PARSED):
        assert ConversionOptions.parse(**options.to_form()) == options
        restored = ConversionOptions.from_dict(json.loads(json.dumps(options.to_dict())))
        assert restored == options
        assert type(restored.loop) is Loop


def test_from_dict_uses_defaults_for_missing_fields() -> None:
    assert ConversionOptions.from_dict({"start_s": 1.5, "duration_s": 3}) == ConversionOptions(1.5, 3.0)


def test_quality_file_size_and_motion_do_not_change_the_frame_cache_key() -> None:
    other_size = replace(PARSED, quality=Quality.SMALL, max_mb=None, motion=Motion.AUTO)
    assert other_size.frame_cache_key() == PARSED.frame_cache_key()
    assert ConversionOptions(1, 6).frame_cache_key() == ConversionOptions(1.0, 6.0).frame_cache_key()


def test_every_other_option_changes_the_frame_cache_key() -> None:
    names = [
        field.name for field in fields(ConversionOptions) if field.name not in ("quality", "max_mb", "motion")
    ]
    keys = {replace(ConversionOptions(), **{name: getattr(PARSED, name)}).frame_cache_key() for name in names}
    assert len(keys | {ConversionOptions().frame_cache_key()}) == len(names) + 1
