"""The frames of the generated clips that ffmpeg has no source for, drawn with numpy and Pillow."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from benchmarks.filters import FPS, HEIGHT_PX, WIDTH_PX

Frame = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

SECONDS = 6
_FRAMES = SECONDS * FPS
_Y, _X = np.mgrid[0:HEIGHT_PX, 0:WIDTH_PX].astype(np.float64)


def draw_particles() -> Iterator[Frame]:
    """Draw 110 soft dots that drift and pulse on a dark ground."""
    rng, count = np.random.default_rng(4), 110
    x, y = rng.uniform(0, WIDTH_PX, count), rng.uniform(0, HEIGHT_PX, count)
    speed_x, speed_y = rng.normal(0, 0.5, count), rng.normal(-0.5, 0.3, count)
    radius = rng.uniform(1.2, 4, count)
    color = rng.uniform(0.4, 1, (count, 3)) * (255, 200, 140)
    phase = rng.uniform(0, 2 * math.pi, count)
    for number in range(_FRAMES):
        frame = np.zeros((HEIGHT_PX, WIDTH_PX, 3)) + (8, 10, 18)
        for dot in range(count):
            center_x = (x[dot] + speed_x[dot] * number) % WIDTH_PX
            center_y = (y[dot] + speed_y[dot] * number) % HEIGHT_PX
            reach = int(radius[dot] * 4) + 2
            box = (
                slice(max(0, int(center_y) - reach), int(center_y) + reach),
                slice(max(0, int(center_x) - reach), int(center_x) + reach),
            )
            distance2 = (_X[box] - center_x) ** 2 + (_Y[box] - center_y) ** 2
            light = np.exp(-distance2 / (2 * radius[dot] ** 2)) * (
                0.6 + 0.4 * math.sin(phase[dot] + 0.08 * number)
            )
            frame[box] += light[..., None] * color[dot]
        yield _to_bytes(frame)


def draw_glow() -> Iterator[Frame]:
    """Draw a soft light that circles over a near-black ground."""
    for number in range(_FRAMES):
        angle = 2 * math.pi * number / _FRAMES
        center_x, center_y = WIDTH_PX / 2 + 120 * math.cos(angle), HEIGHT_PX / 2 + 40 * math.sin(angle)
        light = np.clip(1 - np.hypot(_X - center_x, _Y - center_y) / 240, 0, 1) ** 2
        yield _to_bytes((5, 6, 10) + light[..., None] * (90, 140, 255))


_SEA_CELLS, _SEA_M = 512, 64.0
_HORIZON_PX, _CAMERA_M, _FOCAL_PX = 210, 4.0, 900.0


def draw_water() -> Iterator[Frame]:
    """Draw the sea under a low sun: waves with a wind spectrum in perspective, by the Fourier transform."""
    below = _Y[_HORIZON_PX:] - _HORIZON_PX + 1
    away_m = _CAMERA_M * _FOCAL_PX / below
    across_m = (_X[_HORIZON_PX:] - WIDTH_PX / 2) / _FOCAL_PX * away_m
    view = np.stack([across_m, away_m, np.full_like(away_m, -_CAMERA_M)])
    view /= np.linalg.norm(view, axis=0)
    sharpness = np.clip(40 / away_m, 0, 1)  # distant waves are smaller than a pixel
    cells = [(axis * (_SEA_CELLS / _SEA_M)) % _SEA_CELLS for axis in (across_m, away_m)]
    sun = np.array([0.1, 0.97, 0.22])
    height = (_Y[:_HORIZON_PX] / _HORIZON_PX)[..., None]
    sky = (96, 140, 196) + height * np.array((150, 70, -20))
    for slopes in _sea_slopes():
        slope_x, slope_y = (_bilinear(slope, *cells) * sharpness for slope in slopes)
        normal = np.stack([-slope_x, -slope_y, np.ones_like(slope_x)]) / np.sqrt(1 + slope_x**2 + slope_y**2)
        facing = -(view * normal).sum(0)
        mirrored = view + 2 * facing * normal
        fresnel = 0.03 + 0.97 * (1 - np.clip(facing, 0, 1)) ** 5
        up = np.abs(mirrored[2])[..., None]
        reflected = (240, 208, 176) + np.sqrt(up) * np.array((-170, -90, -10))
        glitter = np.clip((mirrored * sun[:, None, None]).sum(0), 0, 1) ** 180
        water = np.array((8, 52, 66)) + np.clip(slope_y, 0, 1)[..., None] * (20, 90, 80)
        sea = water * (1 - fresnel[..., None]) + reflected * fresnel[..., None]
        yield _to_bytes(np.concatenate([sky, sea + glitter[..., None] * (255, 220, 160)]))


def _sea_slopes() -> Iterator[tuple[Floats, Floats]]:
    """Yield the slopes of a periodic sea along both axes (Tessendorf, Simulating Ocean Water)."""
    rng = np.random.default_rng(5)
    wave = 2 * math.pi * np.fft.fftfreq(_SEA_CELLS, _SEA_M / _SEA_CELLS)
    wave_y, wave_x = np.meshgrid(wave, wave, indexing="ij")
    length = np.hypot(wave_x, wave_y)
    length[0, 0] = 1
    wind = np.abs(0.5 * wave_x + 0.87 * wave_y) / length
    spectrum = np.exp(-1 / (length * 2.5) ** 2) / length**4 * wind**2 * np.exp(-((length * 0.06) ** 2))
    spectrum[0, 0] = 0
    noise = rng.normal(size=length.shape) + 1j * rng.normal(size=length.shape)
    amplitude = np.sqrt(spectrum) * noise
    speed = np.sqrt(9.81 * length)
    scale = 0.0
    for number in range(_FRAMES):
        surface = amplitude * np.exp(1j * speed * number / FPS)
        # One transform yields both slopes: the real and the imaginary part of its result.
        both = np.fft.ifft2(_hermitian(1j * wave_x * surface) + 1j * _hermitian(1j * wave_y * surface))
        scale = scale or 0.13 / float(both.real.std())
        yield both.real * scale, both.imag * scale


def _hermitian(spectrum: npt.NDArray[np.complex128]) -> npt.NDArray[np.complex128]:
    """Return the spectrum of the real part of the signal."""
    mirrored = np.roll(spectrum[::-1, ::-1], 1, (0, 1))
    return (spectrum + mirrored.conj()) / 2


def _bilinear(grid: Floats, x: Floats, y: Floats) -> Floats:
    """Return the values of a periodic grid at fractional positions."""
    left, top = x.astype(np.int64), y.astype(np.int64)
    part_x, part_y = x - left, y - top
    right, bottom = (left + 1) % _SEA_CELLS, (top + 1) % _SEA_CELLS
    above = grid[top, left] * (1 - part_x) + grid[top, right] * part_x
    below = grid[bottom, left] * (1 - part_x) + grid[bottom, right] * part_x
    return above * (1 - part_y) + below * part_y


_OUTLINE = "#2b2233"


def draw_cartoon() -> Iterator[Frame]:
    """Draw a cartoon in flat colors with outlines: a cat jumps, a car passes, clouds drift."""
    ground = _draw_landscape()
    for number in range(_FRAMES):
        image = ground.copy()
        draw = ImageDraw.Draw(image)
        for start, y, size in ((200, 200, 1.0), (1100, 320, 0.7), (1900, 160, 1.2)):
            _draw_cloud(draw, (start + 6 * number) % 3000 - 300, y, size)
        _draw_car(draw, number * 26 % 3600 - 600, 1070, number)
        _draw_cat(draw, 760 + 3 * number, 1240, number)
        yield np.asarray(image.reduce(2))


def _draw_landscape() -> Image.Image:
    image = Image.new("RGB", (WIDTH_PX * 2, HEIGHT_PX * 2), "#8fd3f4")
    draw = ImageDraw.Draw(image)
    draw.ellipse((2060, 90, 2340, 370), "#ffd84d", _OUTLINE, 8)
    draw.ellipse((-400, 640, 1300, 2000), "#7cc46b", _OUTLINE, 8)
    draw.ellipse((1000, 560, 3100, 2200), "#5fae62", _OUTLINE, 8)
    draw.rectangle((-10, 980, 2570, 1200), "#5b5b6b", _OUTLINE, 8)
    for left in range(60, 2560, 260):
        draw.rectangle((left, 1080, left + 130, 1098), "#f4f0dc")
    draw.rectangle((-10, 1200, 2570, 1450), "#e9c46a", _OUTLINE, 8)
    for left, color in ((300, "#e76f51"), (1650, "#9b5de5")):
        draw.rectangle((left, 660, left + 360, 980), "#fff3d6", _OUTLINE, 8)
        draw.polygon([(left - 50, 665), (left + 180, 480), (left + 410, 665)], color, _OUTLINE, 8)
        draw.rectangle((left + 60, 760, left + 150, 850), "#6fb7d6", _OUTLINE, 8)
        draw.rectangle((left + 220, 800, left + 310, 980), color, _OUTLINE, 8)
    return image


def _draw_cloud(draw: ImageDraw.ImageDraw, x: float, y: float, size: float) -> None:
    puffs = ((0, 40, 70), (90, 0, 95), (200, 30, 80), (110, 60, 70))
    for grow, color in ((8, _OUTLINE), (0, "white")):
        for across, down, radius in puffs:
            _draw_circle(draw, x + across * size, y + down * size, radius * size + grow, color)


def _draw_circle(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, color: str) -> None:
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), color)


def _draw_car(draw: ImageDraw.ImageDraw, x: float, y: float, number: int) -> None:
    y += 4 * math.sin(number)
    draw.polygon([(x + 90, y), (x + 150, y - 110), (x + 370, y - 110), (x + 450, y)], "#bfe6f5", _OUTLINE, 8)
    draw.rounded_rectangle((x, y - 10, x + 540, y + 90), 36, "#e63946", _OUTLINE, 8)
    for wheel in (120, 420):
        _draw_circle(draw, x + wheel, y + 90, 58, _OUTLINE)
        _draw_circle(draw, x + wheel, y + 90, 26, "#d9d9d9")
        angle = number * 0.45
        draw.line(
            (x + wheel, y + 90, x + wheel + 26 * math.cos(angle), y + 90 + 26 * math.sin(angle)), _OUTLINE, 8
        )


def _draw_cat(draw: ImageDraw.ImageDraw, x: float, y: float, number: int) -> None:
    jump = abs(math.sin(number * 2 * math.pi / 36))
    y -= 190 * jump
    swing = 50 * math.sin(number * 0.35)
    draw.line(
        [(x - 90, y - 60), (x - 170, y - 120 + swing), (x - 180, y - 220 + swing)],
        _OUTLINE,
        40,
        joint="curve",
    )
    draw.line(
        [(x - 90, y - 60), (x - 170, y - 120 + swing), (x - 180, y - 214 + swing)],
        "#f28c28",
        24,
        joint="curve",
    )
    for leg in (-60, 60):
        foot = y + 30 + 40 * jump
        draw.rounded_rectangle((x + leg - 26, y - 30, x + leg + 26, foot), 20, "#f28c28", _OUTLINE, 8)
    draw.ellipse((x - 120, y - 190, x + 120, y + 10), "#f28c28", _OUTLINE, 8)
    draw.ellipse((x - 60, y - 150, x + 60, y + 0), "#ffe2b8")
    for side in (-1, 1):
        ear = [(x + side * 110, y - 290), (x + side * 130, y - 430), (x + side * 30, y - 360)]
        draw.polygon(ear, "#f28c28", _OUTLINE, 8)
    draw.ellipse((x - 140, y - 390, x + 140, y - 150), "#f28c28", _OUTLINE, 8)
    is_blinking = number % 60 in range(4)
    for side in (-1, 1):
        eye = x + side * 56
        if is_blinking:
            draw.line((eye - 30, y - 280, eye + 30, y - 280), _OUTLINE, 8)
        else:
            draw.ellipse((eye - 34, y - 325, eye + 34, y - 245), "white", _OUTLINE, 6)
            _draw_circle(draw, eye + 10, y - 280, 15, _OUTLINE)
    draw.polygon([(x - 16, y - 238), (x + 16, y - 238), (x, y - 218)], "#d1495b", _OUTLINE, 4)
    draw.arc((x - 44, y - 240, x, y - 190), 10, 170, _OUTLINE, 8)
    draw.arc((x, y - 240, x + 44, y - 190), 10, 170, _OUTLINE, 8)


def _to_bytes(frame: Floats) -> Frame:
    return np.clip(frame + 0.5, 0, 255).astype(np.uint8)
