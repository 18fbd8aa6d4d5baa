"""Convert a clip as a user of MoviePy would. Runs in the venv that MoviePy is installed in.

Arguments: CLIP GIF START_S SECONDS WIDTH HEIGHT FPS.
"""

import sys

from moviepy import VideoFileClip  # type: ignore[import-not-found]


def main() -> None:
    source, gif_path = sys.argv[1:3]
    start_s, seconds = map(float, sys.argv[3:5])
    width, height, fps = map(int, sys.argv[5:8])
    with VideoFileClip(source, audio=False) as video:
        clip = video.subclipped(start_s, start_s + seconds)
        clip = clip.resized(max(width / clip.w, height / clip.h))
        if (clip.w, clip.h) != (width, height):
            clip = clip.cropped(x_center=clip.w / 2, y_center=clip.h / 2, width=width, height=height)
        clip.write_gif(gif_path, fps=fps, logger=None)


main()
