"""Build ffmpeg input options that select which part of a clip to decode, and how."""

from chromi.encoder.source.video_info import VideoInfo

_HIGH_FPS = 48


def seek_options(info: VideoInfo, seek_s: float | None) -> tuple[str, ...]:
    """Return the options that decode from the key frame before `seek_s`, or from the start if it is None.

    Timestamps stay those of the file. -accurate_seek is not used: it drops the frame on screen at the start
    unless that frame starts exactly there. The decoder gets the x264 build as an option, because seeking may
    skip the first frame, which contains it.
    """
    decoder = ("-c:v", info.decoder) if info.decoder else ()
    x264_build = ("-x264_build", str(info.x264_build)) if info.x264_build else ()
    options = ("-copyts", *decoder, *x264_build)
    if seek_s is None:
        return options
    return (*options, "-noaccurate_seek", "-seek_timestamp", "1", "-ss", f"{seek_s:.6f}")


def decode_all_options(info: VideoInfo, seek_s: float | None = None) -> tuple[str, ...]:
    """Return the options that decode the clip for analysis, from `seek_s` as `seek_options` does.

    At 48 fps or more, only reference frames are decoded. They are half of all frames, take 0.6 of the time,
    and suffice for analysis. The filters are not reinitialized when the frame size or range changes, because
    `scale` adapts by itself.
    """
    skip_frame = ("-skip_frame", "noref") if info.fps and info.fps >= _HIGH_FPS else ()
    return (*skip_frame, *seek_options(info, seek_s), "-reinit_filter", "0")
