"""Make a ready-made background for the start page: `python -m docs.examples NAME CLIP [OPTION...]`.

Converts CLIP to chromi/static/examples/NAME.gif with the options of `chromi convert`, and writes NAME.mp4 and
NAME.jpg: a small video of the GIF and its first frame. Those that exist come from:

- flower: flower.mp4 of github.com/mdn/interactive-examples (CC0);
  `--loop boomerang --duration 4 --blur 1 --darken 20`
- telescope: a NASA video of the James Webb Space Telescope (public domain);
  `--start 1 --blur 1 --darken 10 --max-mb 7`
- lights, glow: particles.mp4 and glow.mp4, which `make bench` draws; glow with `--darken 20`
"""

import subprocess
import sys
from pathlib import Path

from PIL import Image

from chromi.encoder import make_preview

EXAMPLES = Path(__file__).parent.parent / "chromi" / "static" / "examples"
STILL_SIZE_PX = (640, 360)
STILL_QUALITY = 82


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    name, clip, *options = sys.argv[1:]
    gif_path = EXAMPLES / f"{name}.gif"
    EXAMPLES.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "chromi", "convert", clip, str(gif_path), *options]
    subprocess.run(command, check=True)  # noqa: S603  our own arguments only
    make_preview(gif_path, gif_path.with_suffix(".mp4"))
    with Image.open(gif_path) as gif:
        still = gif.convert("RGB").resize(STILL_SIZE_PX, Image.Resampling.LANCZOS)
    still.save(gif_path.with_suffix(".jpg"), quality=STILL_QUALITY, optimize=True, progressive=True)
    for path in sorted(EXAMPLES.glob(f"{name}.*")):
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
