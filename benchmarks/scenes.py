"""The five default clips and the large one, made by the bundled ffmpeg from nothing but its own sources.

Each is a stand-in for a kind of clip that people bring: film with grain, fur or foliage, a computer's
picture, slow gradients, a recorded screen. The same command makes the same picture on every machine, as all
noise is seeded; another ffmpeg may encode it a little differently, so the results name each clip by checksum.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

H264 = ("-c:v", "libx264", "-preset", "veryfast")
VP9 = (*("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-row-mt", "1"), "-b:v", "6M")
HEVC = (*("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"), "-b:v", "40M")


@dataclass(frozen=True)
class Scene:
    """How one clip is made: `graph` is a lavfi graph that ends in [out], `stills` draws what it loads."""

    file_name: str
    seconds: float
    graph: str
    codec: tuple[str, ...]
    stills: Callable[[Path], None] = lambda folder: None


def fractal(seed: int, size: str, finest: int, rate: int = 30) -> str:
    """Return a source of one gray cloud, still: noise of many sizes added up, as nature's textures are.

    `finest` is the width in pixels of the smallest noise that is enlarged; more is sharper.
    """
    widths = [width for width in (8, 32, 120, 480, 1280) if width <= finest]
    layers, names = [], ""
    for number, width in enumerate(widths):
        name = f"f{seed}x{number}"
        names += f"[{name}]"
        layers.append(
            f"color=gray:s={width}x{width * 9 // 16}:r={rate}:d=0.01,format=gray,"
            f"noise=all_seed={seed + number}:alls=100,scale={size}:flags=bicubic[{name}]"
        )
    weights = " ".join(str(round(100 * 0.62**number)) for number in range(len(widths)))
    return f"{';'.join(layers)};{names}mix=inputs={len(widths)}:weights='{weights}',format=gray"


def tinted(dark: str, light: str, contrast: float) -> str:
    """Return what turns gray into colors between two, given as r:g:b from 0 to 255."""
    maps = []
    for channel, low, high in zip("rgb", dark.split(":"), light.split(":"), strict=True):
        gray = f"clip(0.5+(val/255-0.5)*{contrast},0,1)"
        maps.append(f"{channel}='{low}+({high}-{low})*{gray}'")
    return f"format=gbrp,lutrgb={':'.join(maps)}"


FROM_0 = "setpts=PTS-STARTPTS"
HOLD = "loop=loop=-1:size=1:start=0,setpts=N/FRAME_RATE/TB"
"""Show a still for ever."""


def film() -> str:
    """480p30: someone moves before an unsharp background, the camera in the hand, a cut, grain over all."""
    hand = "x='{x}+3*sin(9*t)+2*sin(13*t)':y='{y}+2*sin(11*t)'"
    ellipse = "a='255*clip(6*(1-hypot((X-W/2)/(W/2),(Y-H/2)/(H/2))),0,1)'"
    return ";".join(
        (
            f"{fractal(3, '1280x720', 120)},{tinted('14:34:44', '226:168:110', 2.2)},gblur=5,{HOLD}[far]",
            f"[far]crop=854:480:{hand.format(x='200+150*sin(0.5*t)', y='120')}[one]",
            f"{fractal(20, '320x440', 1280)},{tinted('38:18:14', '236:176:140', 2.4)},format=rgba,"
            f"geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':{ellipse},{HOLD}[who]",
            "[one][who]overlay=x='260+180*sin(0.9*t)':y='60+12*sin(5*t)':shortest=1,trim=end=4.3[a]",
            f"{fractal(40, '1280x720', 1280)},{tinted('10:20:8', '210:214:168', 2.4)},{HOLD}[near]",
            f"[near]crop=854:480:{hand.format(x='40+60*t', y='80+20*sin(t)')},trim=end=4,{FROM_0}[b]",
            "[a][b]concat,eq=brightness='0.03*sin(2*t)':eval=frame,format=yuv420p,"
            "noise=all_seed=9:c0s=9:c0f=t+u:c1s=4:c1f=t+u:c2s=4:c2f=t+u[out]",
        )
    )


def fur() -> str:
    """1080p30: fine strands, red and white in patches, that sway in the wind before unsharp leaves."""
    wind = (
        "color=gray:s=24x14:r=30:d=0.01,format=gray,noise=all_seed={0}:alls=70,"
        "scale=480x270,gblur=8,eq=contrast=0.3"
    )
    sway = f"{HOLD},crop=320:180:'80+80*sin({{0}}*t)':'45+45*sin({{1}}*t)',scale=1280x720,format=gray"
    return ";".join(
        (
            "color=gray:s=1280x720:r=30:d=0.01,format=gray,noise=all_seed=5:alls=100,"
            f"gblur=sigma=0.9:sigmaV=5,eq=contrast=2.4,gblur=0.6,format=gray,{HOLD}[strands]",
            f"{wind.format(11)},{sway.format(0.6, 0.4)}[across]",
            f"{wind.format(12)},{sway.format(0.5, 0.7)}[along]",
            "[strands][across][along]displace=edge=mirror,crop=1120:630,split[s1][s2]",
            f"[s1]{tinted('44:20:10', '240:158:84', 1.2)}[red]",
            f"[s2]{tinted('112:98:90', '255:250:240', 1.2)}[white]",
            f"{fractal(8, '1120x630', 32)},eq=contrast=3,format=gbrp,{HOLD}[patches]",
            "[red][white][patches]maskedmerge[fur]",
            f"{fractal(9, '1120x630', 120)},{tinted('16:38:22', '158:190:96', 1.8)},gblur=9,{HOLD}[unsharp]",
            "color=black:s=1120x630:r=30:d=0.01,format=gbrp,geq=r='{0}':g='{0}':b='{0}',{1}[animal]".format(
                "255*clip(5-5*hypot((X-500)/360,(Y-340)/270),0,1)", HOLD
            ),
            "[unsharp][fur][animal]maskedmerge,scale=1920x1080,format=yuv420p[out]",
        )
    )


def render() -> str:
    """720p VP9: a camera over a chequered floor, two shaded balls, a clear sky; no noise anywhere."""
    ball = (
        "color=black@0:s=360x360:r=30:d=0.01,format=rgba,geq="
        "r='min(255,{0}*{1}+255*{2})':g='min(255,{3}*{1}+255*{2})':b='min(255,{4}*{1}+255*{2})':"
        f"a='255*clip(180-hypot(X-180,Y-180),0,1)',{HOLD}"
    )
    shade, shine = "max(0.12,1-hypot(X-120,Y-110)/290)", "pow(max(0,1-hypot(X-120,Y-110)/90),3)"
    tile = "mod(floor(X/160)+floor(Y/160),2)"
    return ";".join(
        (
            "gradients=s=1280x720:r=30:c0=0x274b7a:c1=0xf2c9a0:x0=640:y0=0:x1=640:y1=420:speed=0.00001:seed=1[sky]",
            f"color=black:s=1280x1280:r=30:d=0.01,format=gbrp,geq=r='70+150*{tile}':g='64+140*{tile}':"
            f"b='80+110*{tile}',{HOLD},scroll=v=0.004:h=0.0008[tiles]",
            "[tiles]perspective=x0=420:y0=0:x1=860:y1=0:x2=-1400:y2=1280:x3=2680:y3=1280:sense=destination:"
            "interpolation=cubic,scale=1280:360,format=rgba[floor]",
            f"{ball.format(230, shade, shine, 70, 50)}[red]",
            f"{ball.format(50, shade, shine, 130, 210)},scale=240:240[blue]",
            "[sky][floor]overlay=y=360[ground]",
            "[ground][blue]overlay=x='880-60*t':y='250+40*sin(1.7*t)'[two]",
            "[two][red]overlay=x='180+90*t':y='230-110*abs(sin(2.2*t))',format=yuv420p[out]",
        )
    )


def gradient() -> str:
    """720p24: colors that flow into one another slowly."""
    colors = "n=5:c0=0x0b1d3a:c1=0x24518f:c2=0x8c5fa8:c3=0xf08a6c:c4=0xffe3b8"
    line = "x0=100:y0=60:x1=1180:y1=660:speed=0.004:seed=1"
    return f"gradients=s=1280x720:r=24:{colors}:{line},format=yuv420p[out]"


def screen() -> str:
    """1080p30: a page scrolls in its window, a second window opens, a cursor wanders."""
    scroll = "clip(t-1,0,1.2)*500+clip(t-3.2,0,0.6)*1500+clip(t-5,0,1.6)*400"
    return ";".join(
        (
            "gradients=s=1920x1080:r=30:n=2:c0=0x2b5876:c1=0x4e4376:x0=0:y0=0:x1=1920:y1=1080:speed=0.00001:seed=1[desk]",
            f"movie=page.png,{HOLD},crop=1240:860:0:'{scroll}'[page]",
            f"movie=window.png,{HOLD}[window]",
            f"movie=cursor.png,{HOLD}[cursor]",
            "[desk]drawbox=x=118:y=58:w=1244:h=904:color=0xdfe1e5:t=fill[a];[a][page]overlay=120:100[b]",
            "[b][window]overlay=x=1060:y=420:enable='gte(t,3)'[c]",
            "[c][cursor]overlay=x='900+420*sin(0.8*t)':y='560+240*sin(1.3*t)',format=yuv420p[out]",
        )
    )


def draw_screen(folder: Path) -> None:
    """Draw what `screen` moves: a tall page of text, a window and a cursor, with the font in Pillow."""
    words = random.Random(7)  # noqa: S311  the same text every time
    _draw_page(folder / "page.png", (1240, 3400), 21, "white", "#202124", words)
    _draw_page(folder / "window.png", (760, 520), 17, "#1e1e2e", "#a6e3a1", words)
    cursor = Image.new("RGBA", (26, 38))
    shape = ((1, 1), (1, 31), (8, 25), (13, 36), (18, 34), (13, 23), (22, 23))
    ImageDraw.Draw(cursor).polygon(shape, fill="black", outline="white", width=2)
    cursor.save(folder / "cursor.png")


def _draw_page(
    path: Path, size: tuple[int, int], text_px: int, paper: str, ink: str, words: random.Random
) -> None:
    page = Image.new("RGB", size, paper)
    draw = ImageDraw.Draw(page)
    font, heading = ImageFont.load_default(text_px), ImageFont.load_default(text_px * 1.6)
    y = 30
    while y < size[1] - 60:
        draw.text(
            (40, y), _sentence(words, 4), fill="#1a56b0" if paper == "white" else "#8ab4f8", font=heading
        )
        y += round(text_px * 2.6)
        for _ in range(words.randint(3, 7)):
            draw.text((40, y), _sentence(words, (size[0] - 80) // (text_px * 4)), fill=ink, font=font)
            y += round(text_px * 1.55)
        if words.random() < 0.4:
            draw.rectangle((40, y + 8, size[0] // 2, y + 108), fill=words.choice(_BLOCKS))
            y += 120
        y += text_px
    page.save(path)


_WORDS = (
    *("clip", "frame", "palette", "dither", "loop", "color", "window", "seconds", "background", "picture"),
    *("size", "quality", "file", "small", "delay", "screen", "render", "noise", "table", "queue", "worker"),
    *("result", "link", "share", "page", "keep", "make", "move", "over", "under", "with"),
)
_BLOCKS = ("#f28b82", "#fbbc04", "#34a853", "#4285f4", "#c58af9")


def _sentence(words: random.Random, count: int) -> str:
    return " ".join(words.choice(_WORDS) for _ in range(count)).capitalize() + "."


def large() -> str:
    """4K60: a sharp still under a moving camera, with a little noise; as heavy to decode as a phone's."""
    return ";".join(
        (
            f"{fractal(60, '4400x2475', 120, 60)},{tinted('20:24:40', '240:210:170', 1.8)},format=yuv420p,"
            f"{HOLD}[still]",
            "[still]crop=3840:2160:'280+270*sin(1.1*t)':'150+140*sin(0.9*t)',"
            "noise=all_seed=3:alls=6:allf=t,format=yuv420p10le[out]",
        )
    )


SCENES = (
    Scene("film.mp4", 8, film(), (*H264, "-crf", "18")),
    Scene("fur.mp4", 7.5, fur(), (*H264, "-crf", "26")),
    Scene("render.webm", 7.5, render(), VP9),
    Scene("gradient.mp4", 7.5, gradient(), (*H264, "-crf", "14")),
    Scene("screen.mp4", 8, screen(), (*H264, "-crf", "20"), draw_screen),
)
LARGE = Scene("large-4k60-hevc10.mp4", 6, large(), HEVC)
