"""Fuzz tests: arbitrary input raises no exception other than ChromiError.

The examples are limited in number and the same in every run. `make fuzz` runs a hundred times as many.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chromi.encoder import OPTIONS, ConversionOptions, VideoInfo, convert, probe_video
from chromi.encoder.options import Framing, Loop, Quality, Short
from chromi.encoder.process.ffmpeg import FrameCounter
from chromi.encoder.process.subprocess_runner import ProcessResult
from chromi.encoder.source import probe
from chromi.encoder.timecode import format_timecode, parse_timecode
from chromi.errors import BadOptions, ChromiError, NotAVideo, NotFound
from chromi.tokens import TokenSigner
from tests.support import malicious_files
from tests.support.clips import ffmpeg, make_clip
from tests.support.fuzzing import NUMBERS, OPTION_TEXTS, POSITIONS, limit_examples

pytestmark = pytest.mark.slow

# -- ffmpeg's output -----------------------------------------------------------------------------------------

PACKET_LINES = st.one_of(
    st.text(max_size=60),
    st.builds("#tb 0: {}/{}".format, NUMBERS, NUMBERS),
    st.builds("#dimensions 0: {}x{}".format, NUMBERS, NUMBERS),
    st.builds("#codec_id 0: {}".format, st.sampled_from(["h264", "gif", "vp9", "", "x" * 300])),
    st.builds("0, {}, {}, {}, 100, 0x1234".format, NUMBERS, NUMBERS, NUMBERS),
)
SHOWINFO_LINES = st.one_of(
    st.text(max_size=60),
    st.builds("config in time_base: {}/{}, frame_rate: {}/{}".format, *[NUMBERS] * 4),
    st.builds("n:   0 pts: {} pts_time:0 fmt:yuv420p cl:left sar:{}/{} s:{}x{} i:P".format, *[NUMBERS] * 5),
    st.builds("color_range:tv color_space:{} color_primaries:x color_trc:{}".format, NUMBERS, NUMBERS),
    st.builds(
        lambda message: f"User Data={message.encode().hex()}",
        st.builds("x264 - core {}".format, st.text(max_size=8)),
    ),
)


@limit_examples(150)
@given(
    packets=st.lists(PACKET_LINES, max_size=8),
    showinfo=st.lists(SHOWINFO_LINES, max_size=8),
    exit_code=st.integers(-9, 255),
)
@example(packets=["#tb 0: 1/0", "0, 0, 0, 1, 100, 0x0"], showinfo=[], exit_code=0)
def test_probe_survives_any_ffmpeg_output(packets: list[str], showinfo: list[str], exit_code: int) -> None:
    def run(arguments: list[str], **options: Any) -> ProcessResult:
        for line in packets:
            options["on_output"](line)
        filters = next((word for word in " ".join(arguments).split() if word.startswith("trim")), "")
        name = filters.partition(",")[2].partition("=")[0]
        for line in showinfo:
            options["on_log"](f"[{name} @ 0x5581] {line}")
        return ProcessResult(exit_code, " | ".join(showinfo))

    with pytest.MonkeyPatch.context() as monkeypatch, suppress(ChromiError):
        monkeypatch.setattr(probe, "run_ffmpeg", run)
        monkeypatch.setattr(probe, "detect_container", lambda path: "mov")
        info = probe_video(Path(__file__))
        assert VideoInfo.from_dict(info.to_dict()) == info
        assert 0 < info.duration_s < float("inf")


@limit_examples(100)
@given(st.one_of(st.text(max_size=30), st.builds("frame={}".format, NUMBERS)))
def test_frame_counter_survives_any_line(line: str) -> None:
    counter = FrameCounter()
    counter.read(line)
    assert counter.frames >= 0


# -- file content --------------------------------------------------------------------------------------------

CONTAINERS = ("mp4", "fragmented", "mov", "mkv", "webm", "gif", "handmade")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The content of a small file of each container."""
    folder = tmp_path_factory.mktemp("seeds")
    small = {"seconds": 0.4, "size": "32x32", "rate": 10}
    paths = {
        "mp4": make_clip(folder / "c.mp4", **small),
        "mov": make_clip(folder / "c.mov", codec="mjpeg", pix_fmt="yuvj420p", **small),
        "mkv": make_clip(folder / "c.mkv", **small),
        "webm": make_clip(folder / "c.webm", codec="libvpx", **small),
        "gif": make_clip(folder / "c.gif", codec="gif", pix_fmt="rgb8", **small),
        "fragmented": folder / "fragmented.mp4",
    }
    ffmpeg("-i", paths["mp4"], "-c", "copy", "-movflags", "frag_keyframe+empty_moov", paths["fragmented"])
    jpeg = malicious_files.jpeg(32, 32)
    handmade = malicious_files.matroska([(40 * number, jpeg) for number in range(4)])
    return {"handmade": handmade, **{name: path.read_bytes() for name, path in paths.items()}}


INTEGERS = st.sampled_from(
    [
        b"\0" * 4,
        b"\xff" * 4,
        b"\x7f\xff\xff\xff",
        b"\x80\0\0\0",
        b"\0\0\0\1",
        b"\xff" * 8,
        b"\x01" + b"\xff" * 7,
    ]
)
EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("overwrite"), POSITIONS, st.one_of(st.binary(min_size=1, max_size=4), INTEGERS)),
        st.tuples(st.just("insert"), POSITIONS, st.binary(min_size=1, max_size=64)),
        st.tuples(st.just("repeat"), POSITIONS, st.integers(1, 4096)),
        st.tuples(st.just("remove"), POSITIONS, st.integers(1, 512)),
        st.tuples(st.just("truncate"), POSITIONS, st.none()),
    ),
    min_size=1,
    max_size=6,
)


def apply_edits(content: bytes, edits: list[tuple[str, float, Any]]) -> bytes:
    for edit, place, value in edits:
        position = int(place * len(content))
        match edit:
            case "overwrite":
                content = content[:position] + value + content[position + len(value) :]
            case "insert":
                content = content[:position] + value + content[position:]
            case "repeat":
                content = content[: position + value] + content[position:]
            case "remove":
                content = content[:position] + content[position + value :]
            case "truncate":
                content = content[:position]
    return content


@pytest.mark.parametrize("container", CONTAINERS)
def test_probe_survives_any_file_content(container: str, seeds: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "c"

    @limit_examples(4)
    @given(EDITS)
    def probe_edited(edits: list[tuple[str, float, Any]]) -> None:
        path.write_bytes(apply_edits(seeds[container], edits))
        with suppress(NotAVideo):  # but neither TimedOut nor EncodeError
            info = probe_video(path)
            assert 0 < info.duration_s < float("inf")
            assert info.width_px > 0 < info.height_px
            with suppress(BadOptions):
                ConversionOptions().check_against(info)

    path.write_bytes(seeds[container])
    assert probe_video(path).width_px == 32
    probe_edited()


# -- whole conversions ---------------------------------------------------------------------------------------

SHORT_CLIPS = st.fixed_dictionaries(
    {
        "seconds": st.integers(2, 60).map(lambda frames: frames / 24),
        "rate": st.sampled_from([10, 24, 25, 30, 50]),
        "size": st.sampled_from(["64x36", "36x64"]),
        "pattern": st.sampled_from(["color", "quadrants"]),
    }
)
CONVERSION_OPTIONS = st.builds(
    ConversionOptions,
    start_s=st.floats(0, 1).map(lambda start_s: round(start_s, 3)),
    duration_s=st.integers(24, 48).map(lambda frames: round(frames / 24, 3)),
    quality=st.sampled_from(Quality),
    framing=st.sampled_from(Framing),
    loop=st.sampled_from(Loop),
    speed=st.sampled_from([0.5, 1.0, 1.3, 2.0]),
    reverse=st.booleans(),
    short=st.sampled_from(Short),
    width_px=st.just(160),
    height_px=st.just(90),
)


def test_any_window_of_any_clip_is_converted(tmp_path: Path) -> None:
    @limit_examples(6)
    @given(SHORT_CLIPS, CONVERSION_OPTIONS)
    @example({"seconds": 0.125, "rate": 24, "size": "64x36", "pattern": "color"}, ConversionOptions())
    def convert_clip(clip: dict[str, Any], options: ConversionOptions) -> None:
        path = make_clip(tmp_path / "c.mp4", **clip)
        with suppress(BadOptions):  # the window starts after the end of the clip
            result = convert(path, tmp_path / "o.gif", options, work_dir=tmp_path / "work")
            assert result.duration_cs == pytest.approx(result.frames * 100 / 24, abs=0.5)

    convert_clip()


# -- user input ----------------------------------------------------------------------------------------------


@limit_examples(150)
@given(st.dictionaries(st.one_of(st.sampled_from(OPTIONS), st.text(max_size=8)), OPTION_TEXTS, max_size=6))
def test_option_parser_survives_any_input(texts: dict[str, str]) -> None:
    with suppress(BadOptions):
        options = ConversionOptions.parse(**texts)
        assert ConversionOptions.from_dict(options.to_dict()) == options
        assert ConversionOptions.parse(**options.to_form()).frame_cache_key()
        assert 1 <= options.duration_s <= 10


@limit_examples(150)
@given(OPTION_TEXTS)
def test_timecode_parser_survives_any_input(text: str) -> None:
    with suppress(ValueError):
        seconds = parse_timecode(text)
        assert seconds >= 0
        assert seconds >= 100 * 3600 or parse_timecode(format_timecode(seconds)) == seconds


# -- tokens --------------------------------------------------------------------------------------------------

KEY = "k" * 32


@limit_examples(100)
@given(st.text(max_size=300))
def test_arbitrary_tokens_are_rejected(token: str) -> None:
    signer = TokenSigner([KEY])
    assert not signer.verify_grant(token, "a link")
    with pytest.raises(NotFound):
        signer.verify_link(token)


@limit_examples(100)
@given(POSITIONS, st.text(max_size=4), st.integers(0, 4))
def test_modified_tokens_never_give_access_to_another_link(place: float, text: str, removed: int) -> None:
    signer = TokenSigner([KEY])
    token = signer.sign_link("abcde")
    position = int(place * len(token))
    with suppress(NotFound):
        assert signer.verify_link(token[:position] + text + token[position + removed :]) == "abcde"
