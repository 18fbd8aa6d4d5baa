"""A worker for `huey_consumer` that draws frames instead of converting a clip, for tests of clients."""

from pathlib import Path
from typing import Any

from PIL import Image

from chromi.encoder import ConversionOptions, ConversionResult
from chromi.jobs import handlers


def convert(
    source: Path, destination: Path, options: ConversionOptions, *, poster: Path, **_: Any
) -> ConversionResult:
    """Draw a GIF with as many frames as the options ask for, and its poster."""
    assert source.stat().st_size > 0
    frames = [Image.new("RGB", (16, 9), (number, 0, 0)) for number in range(options.frames)]
    frames[0].save(
        destination, "GIF", save_all=True, append_images=frames[1:], duration=40, loop=0, disposal=1
    )
    frames[0].save(poster, "JPEG")
    duration_cs = round(options.duration_s * 100)
    return ConversionResult(len(frames), destination.stat().st_size, duration_cs, 16, 9, seconds={})


handlers.convert = convert
handlers.make_preview = lambda source, destination, **_: destination.write_bytes(b"MP4")

from worker import huey  # noqa: E402  it opens the service

__all__ = ["huey"]
