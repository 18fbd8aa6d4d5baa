"""The studio's options: framing, length, size limit, and how they are kept in the URL."""

import io
import re
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Locator, Page, expect

from chromi.encoder import ConversionOptions, convert
from chromi.encoder.options import Framing
from tests.e2e.conftest import OpenStudio
from tests.support.clips import make_clip
from tests.support.studio_page import drag, slider, start_field, wait_for_end_frames

pytestmark = pytest.mark.browser

BUTTONS = [
    *("Play loop", "One frame back", "One frame forward", "Start at this frame"),
    "Make background",
]
FRAME_BOX = """() => {
  const box = (selector) => document.querySelector(selector).getBoundingClientRect();
  const [frame, view] = [box("#studio video"), box("#studio .player")];
  const shares = [(frame.x - view.x) / view.width, (frame.y - view.y) / view.height];
  return [...shares, frame.width / view.width, frame.height / view.height];
}"""
"""Where the whole frame of the clip lies: left, top, width and height in fractions of the player."""
TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""After these, the page has followed its new size."""


def is_drawn(canvas: Locator) -> bool:
    """Return whether a visible canvas is opaque at its center."""
    expect(canvas).to_be_visible()
    opacity: int = canvas.evaluate(
        "canvas => canvas.getContext('2d').getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data[3]"
    )
    return opacity == 255


@pytest.mark.parametrize("width", [360, 1440])
def test_all_controls_work_at_every_width(
    page: Page, open_studio: OpenStudio, tall_clip: Path, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    open_studio(tall_clip)
    wait_for_end_frames(page)
    for name in BUTTONS:
        button = page.get_by_role("button", name=name)
        expect(button).to_be_visible()
        box = button.bounding_box()
        assert box
        assert box["height"] >= 44
    for name in ("Crossfade", "Blurred edges", "Balanced"):
        page.get_by_role("radio", name=name).check()
        expect(page.get_by_role("radio", name=name)).to_be_checked()
    for name in ("Cut", "Fill", "Small"):
        page.get_by_role("radio", name=name).check()
    slider(page).press("Home")
    slider(page).press("ArrowRight")
    expect(start_field(page)).to_have_value("0:00.1")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_enter_in_field_makes_background(open_studio: OpenStudio, long_clip: Path) -> None:
    page = open_studio(long_clip)
    start_field(page).fill("0:10")
    start_field(page).press("Enter")
    page.wait_for_url("**/jobs/*/")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("background"))


def test_settings_survive_reload(open_studio: OpenStudio, tall_clip: Path) -> None:
    page = open_studio(tall_clip)
    wait_for_end_frames(page)
    start_field(page).fill("1.5")
    page.get_by_role("radio", name="Crossfade").check()
    page.get_by_role("radio", name=re.compile("^Fit")).check()
    page.get_by_label("Choose a color", exact=True).check()
    page.get_by_label("Color around the video").fill("#336699")
    page.get_by_label("Maximum size in MB").fill("9")
    page.get_by_label("Length (1 to 10 sec)").fill("5")
    page.get_by_text("More options").click()
    page.get_by_label("Reverse").check()
    page.reload()
    expect(start_field(page)).to_have_value("0:01.5")
    for name in ("Crossfade", "Fit", "Custom size"):
        expect(page.get_by_role("radio", name=re.compile(f"^{name}"))).to_be_checked()
    expect(page.get_by_label("Color around the video")).to_have_value("#336699")
    expect(page.get_by_label("Maximum size in MB")).to_have_value("9")
    expect(page.get_by_label("Length (1 to 10 sec)")).to_have_value("5")
    expect(page.get_by_label("Reverse")).to_be_checked()
    page.get_by_role("radio", name="Small").check()
    expect(page.get_by_label("Maximum size in MB")).to_have_value("")
    expect(page).not_to_have_url(re.compile("max_mb"))


def test_dragging_focus_point_changes_crop(open_studio: OpenStudio, tall_clip: Path) -> None:
    page = open_studio(tall_clip)
    wait_for_end_frames(page)
    handle = page.get_by_role("slider", name="Visible part of the frame")
    expect(handle).to_have_attribute("aria-valuetext", "50% from the left, 50% from the top")
    drag(page, handle, 0, 200)
    expect(page.locator("[name=focus]")).to_have_value(re.compile(r"^0\.5,0\.[34]\d*$"))
    expect(page).to_have_url(re.compile("focus=0.5"))
    height = (16 / 9) ** 2  # of a 9:16 frame as wide as the player
    left, top, *size = page.evaluate(FRAME_BOX)
    assert (left, size) == (0, pytest.approx([1, height], abs=0.01))
    assert (1 - height) / 2 < top < 0, "the frame was moved down"
    handle.focus()
    page.keyboard.press("End")
    expect(handle).to_have_attribute("aria-valuetext", re.compile("8[0-9]% from the top"))
    assert page.evaluate(FRAME_BOX)[1] == pytest.approx(1 - height, abs=0.01), "its lower end is shown"
    assert start_field(page).input_value() == "0:00.0", "the handle's keys do not move the window"
    page.get_by_role("radio", name="Blurred edges").check()
    expect(handle).to_be_hidden()
    for part in ("backdrop", "first_backdrop", "last_backdrop"):
        assert is_drawn(page.locator(f"[data-part={part}]")), part
    width = 1 / height
    assert page.evaluate(FRAME_BOX) == pytest.approx([(1 - width) / 2, 0, width, 1], abs=0.01)


def test_zoom_enlarges_the_frame_around_the_focus(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    wait_for_end_frames(page)
    handle = page.get_by_role("slider", name="Visible part of the frame")
    expect(page.get_by_role("group", name="Framing")).to_be_visible()
    expect(handle).to_be_hidden()
    page.get_by_role("slider", name="Zoom", exact=True).fill("2")
    expect(page.locator("output[for=zoom]")).to_have_text("2×")
    assert page.evaluate(FRAME_BOX) == pytest.approx([-0.5, -0.5, 2, 2], abs=0.01)
    expect(handle).to_be_visible()
    handle.focus()
    page.keyboard.press("Home")
    assert page.evaluate(FRAME_BOX) == pytest.approx([0, 0, 2, 2], abs=0.01)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.evaluate(FRAME_BOX) == pytest.approx([-0.04, -0.04, 2, 2], abs=0.01)
    expect(page).to_have_url(re.compile(r"focus=0\.27(,|%2C)0\.27"))


@pytest.mark.slow
def test_blurred_background_has_the_colors_of_the_gif(open_studio: OpenStudio, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "tall.mp4", seconds=1, size="180x320", pattern="smptehdbars")
    gif_path = tmp_path / "o.gif"
    convert(clip, gif_path, ConversionOptions(duration_s=1.0, framing=Framing.BLUR), work_dir=tmp_path / "w")
    page = open_studio(clip, "?framing=blur&duration=1")
    wait_for_end_frames(page)
    page.locator(".focus-point").evaluate("element => { element.hidden = true; }")
    shot = page.locator("[data-part=media_frame]").screenshot()
    with Image.open(io.BytesIO(shot)) as preview, Image.open(gif_path) as gif:
        images = [image.convert("RGB").resize((640, 360)) for image in (preview, gif)]
    for box in ((2, 20, 12, 340), (20, 20, 190, 340), (450, 20, 620, 340)):
        means = [ImageStat.Stat(image.crop(box)).mean for image in images]
        assert means[0] == pytest.approx(means[1], abs=6), box


def test_blurred_edges_are_independent_of_the_color_scheme(open_studio: OpenStudio, tall_clip: Path) -> None:
    page = open_studio(tall_clip, "?framing=blur")
    page.set_viewport_size({"width": 1440, "height": 900})
    wait_for_end_frames(page)
    images = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        shot = page.locator("[data-part=media_frame]").screenshot()
        image = Image.open(io.BytesIO(shot)).convert("RGB")
        images.append(
            image.crop((16, 16, image.width - 16, image.height - 16))
        )  # without the rounded corners
    differences = ImageChops.difference(*images).getextrema()
    assert max(largest for _, largest in differences) < 10


def test_summary_says_what_will_be_made(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    wait_for_end_frames(page)
    summary = page.locator("[data-part=summary]")
    expect(summary).to_have_text("6 sec, 1280 × 720, up to 30 MB")
    page.get_by_label("Length (1 to 10 sec)").fill("4.5")
    page.get_by_label("Maximum size in MB").fill("7.5")
    expect(summary).to_have_text("4.5 sec, 1280 × 720, under 7.5 MB")
    page.get_by_text("More options").click()
    page.get_by_label("Resolution").select_option("1920x1080")
    expect(summary).to_have_text("4.5 sec, 1920 × 1080, under 7.5 MB")
    expect(page.get_by_text("1920 × 1080 is larger than your video")).to_be_visible()
    page.get_by_role("radio", name="Balanced").check()
    page.get_by_text("Custom size", exact=True).click(force=True)  # on the radio button, which covers it
    expect(summary).to_have_text("4.5 sec, 1920 × 1080, under 7.5 MB")


def test_number_fields_show_what_is_used(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    page.get_by_text("More options").click()
    for label, typed, used in (
        ("Speed", ".5", "0.5"),
        ("Speed", "", "1"),
        ("Length (1 to 10 sec)", "", "6"),
        ("Maximum size in MB", "1e1", "10"),
        ("Maximum size in MB", "", "10"),
    ):
        field = page.get_by_label(label)
        field.fill(typed)
        field.blur()
        expect(field).to_have_value(used)
    expect(page.locator("[data-part=summary]")).to_contain_text("under 10 MB")


def test_arrow_keys_move_through_all_file_sizes(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    best, custom = (page.get_by_role("radio", name=name) for name in ("Best", "Custom size"))
    best.press("ArrowDown")
    expect(custom).to_be_checked()
    expect(custom).to_be_focused()
    custom.press("ArrowDown")
    expect(page.get_by_role("radio", name="Small")).to_be_checked()
    page.get_by_text("Custom size", exact=True).click(force=True)  # on the radio button, which covers it
    expect(page.get_by_label("Maximum size in MB")).to_be_focused()


def test_all_main_options_are_visible_beside_the_player(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    wait_for_end_frames(page)
    names = ("Cut", "Crossfade", "Back and forth", "Small", "Balanced", "Best", "Custom size")
    controls = [
        *(
            page.get_by_role("radio", name=re.compile(f"^{name}"))
            for name in (*names, "Fill", "Fit", "Blurred edges")
        ),
        page.get_by_role("slider", name="Zoom", exact=True),
        page.locator("[data-part=track]"),
    ]
    for width, height in ((1440, 900), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate(TWO_FRAMES)
        bar = page.locator(".action-bar").bounding_box()
        assert bar
        for control in controls:
            box = control.bounding_box()
            assert box
            assert box["y"] + box["height"] <= bar["y"], (control, width)


def test_player_stays_in_view_beside_the_options(page: Page, open_studio: OpenStudio, clip: Path) -> None:
    page.set_viewport_size({"width": 1440, "height": 800})
    open_studio(clip)
    wait_for_end_frames(page)
    page.get_by_text("More options").click()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    player = page.locator(".player")
    expect(player).to_be_in_viewport(ratio=1)
    play = page.get_by_role("button", name="Play loop")
    play.focus()
    top, bottom = play.bounding_box(), player.bounding_box()
    assert top
    assert bottom
    assert top["y"] > bottom["y"] + bottom["height"], "the player does not cover what has the focus"


def test_option_for_short_clips_is_offered_for_them_only(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    wait_for_end_frames(page)
    page.get_by_text("More options").click()
    option = page.get_by_label("If the video is too short")
    expect(option).to_be_hidden()
    page.get_by_label("Length (1 to 10 sec)").fill("10")
    expect(option).to_be_visible()


def test_heading_depends_on_length(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    wait_for_end_frames(page)
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Choose your six seconds")
    length = page.get_by_label("Length (1 to 10 sec)")
    for seconds, text in (
        ("4", "Choose a part of your video"),
        ("10", "Your video"),
        ("6", "Choose your six seconds"),
    ):
        length.fill(seconds)
        expect(heading).to_have_text(text)
        expect(page).to_have_title(f"{text} · Chromi")
    length.fill("4")
    expect(page).to_have_url(re.compile("duration=4"))
    page.reload()
    expect(heading).to_have_text("Choose a part of your video")
    expect(page).to_have_title("Choose a part of your video · Chromi")
