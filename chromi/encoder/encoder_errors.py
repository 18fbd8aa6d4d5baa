"""Encoder errors. Each error's code and message are stored with the failed job."""

from chromi.errors import ChromiError, DiskFull
from chromi.i18n import Message


class EncodeError(ChromiError):
    """The conversion failed."""

    code = "encode_failed"
    user_message = Message(
        "The video couldn’t be converted. It may be damaged. "
        "Try another part, or save it as a new MP4 and upload that."
    )


class NoFrames(EncodeError):
    """The window contains no frame, although the file is a readable video."""

    code = "no_frames"
    user_message = Message(
        "This part of the video contains no frames. Choose another start time or another video."
    )


class FrozenVideo(EncodeError):
    """Frames in the window cannot be decoded, so part of the GIF would be a still image."""

    code = "frozen_picture"
    user_message = Message(
        "Part of this section of the video cannot be read, so the background would freeze. "
        "Choose another section, or save the video as a new MP4 and try again."
    )


class BrokenResult(EncodeError):
    """The GIF violates the output contract and must not be published."""

    code = "broken_result"
    user_message = Message("The finished background failed our check and was discarded. Please try again.")


class TimedOut(EncodeError):
    """The conversion exceeded its time limit."""

    code = "timed_out"
    user_message = Message("This video takes too long to convert. Try a shorter part or a smaller file.")


class ConverterKilled(EncodeError):
    """Another process killed ffmpeg or gifsicle, usually the kernel's out-of-memory killer."""

    code = "converter_killed"
    user_message = Message(
        "The conversion was interrupted, probably because the server ran out of memory. "
        "Please try again later."
    )


class OutOfMemory(EncodeError):
    """ffmpeg needs more memory for this clip than its limit allows or the machine can provide."""

    code = "out_of_memory"
    user_message = Message(
        "This video needs more memory than the server has available. Try a smaller video, or try again later."
    )


class WorkerDied(EncodeError):
    """The worker was killed on every attempt at the job."""

    code = "worker_died"
    user_message = Message(
        "The conversion was interrupted more than once. Try again, or choose a shorter part or another video."
    )


class Cancelled(EncodeError):
    """The caller's `should_stop` returned True: the job was canceled, or another worker took over the job."""

    code = "stopped"
    user_message = Message("The conversion was stopped.")


class FfmpegMissing(EncodeError):
    """The ffmpeg binary is missing or does not run."""

    code = "ffmpeg_missing"
    user_message = Message(
        "This service can’t convert videos because it isn’t set up correctly. "
        "If you run it, “python -m chromi doctor” shows why."
    )


class GifsicleMissing(FfmpegMissing):
    """The gifsicle binary is missing or does not run."""

    code = "gifsicle_missing"


class CannotFit(EncodeError):
    """Even the smallest version exceeds the requested size."""

    code = "cannot_fit"

    @classmethod
    def under(cls, max_bytes: float, smallest_bytes: int) -> "CannotFit":
        """Return the error with both sizes in its message."""
        return cls(
            Message(
                "This part can’t be made smaller than %(smallest)s MB without looking choppy; "
                "the limit is %(limit)s MB. Raise the limit or choose a part with less motion.",
                limit=max_bytes / 1e6,
                smallest=round(smallest_bytes / 1e6, 1),
            )
        )


def to_encode_error(error: OSError) -> ChromiError:
    """Return DiskFull or a plain EncodeError for an operating system error."""
    return DiskFull.from_os_error(error) or EncodeError(detail=str(error))
