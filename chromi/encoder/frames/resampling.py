"""Resample a clip to a constant frame rate."""


def resample(fps: float, *, start_s: float, clip_s: float) -> str:
    """Return the filter that shows a clip of `clip_s` at a constant rate, from the timestamp `start_s` on.

    At the end, `fps` rounds, which would drop the only frame of a clip that is shorter than half a frame at
    this rate.
    """
    eof_action = ":eof_action=pass" if clip_s * fps < 1 else ""
    return f"fps={fps:.9g}:start_time={start_s:.6f}{eof_action}"
