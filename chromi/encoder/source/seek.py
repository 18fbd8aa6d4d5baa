"""Input options that say where in a clip ffmpeg begins to read."""

from chromi.encoder.source.video_info import VideoInfo

_HIGH_RATE_FPS = 48


def seek(info: VideoInfo, entry_s: float | None) -> tuple[str, ...]:
    """Read from the key frame before `entry_s`, or from the beginning for None.

    Time stamps stay the file's own. Not -accurate_seek: it drops the frame that is on screen at the start
    unless it begins exactly there. The decoder is told the version of x264, whose note is in the first frame
    and so may be skipped.
    """
    decoder = ("-c:v", info.decoder) if info.decoder else ()
    made_by = ("-x264_build", str(info.x264_build)) if info.x264_build else ()
    options = ("-copyts", *decoder, *made_by)
    if entry_s is None:
        return options
    return (*options, "-noaccurate_seek", "-seek_timestamp", "1", "-ss", f"{entry_s:.6f}")


def read_all(info: VideoInfo) -> tuple[str, ...]:
    """Read the whole clip; of 48 frames a second or more, only the frames that others need.

    That is half of them, in 0.6 of the time, and more than enough for a look at the whole clip. The filters
    stay as they are when the picture changes its size or range, which `scale` follows by itself.
    """
    skip = ("-skip_frame", "noref") if info.fps and info.fps >= _HIGH_RATE_FPS else ()
    return (*skip, *seek(info, None), "-reinit_filter", "0")
