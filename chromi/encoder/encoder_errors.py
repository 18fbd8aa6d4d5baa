"""What can go wrong while a clip is converted; a job's row keeps code and sentence."""

import errno

from chromi.errors import ChromiError
from chromi.i18n import Message


class EncodeError(ChromiError):
    """The conversion failed; the job's row keeps code and message."""

    status_code = 422
    code = "encode_failed"
    user_message = Message(
        "The video could not be converted. It may be damaged; try another part of it or another one."
    )


class NoFrames(EncodeError):
    """The window holds no picture, although the file looked right."""

    code = "no_frames"
    user_message = Message(
        "There is no picture in this part of the video. Choose another start, or another file."
    )


class FrozenPicture(EncodeError):
    """The video goes on where no frame could be decoded, so the GIF would stand still."""

    code = "frozen_picture"
    user_message = Message(
        "Part of this section of the video cannot be read, so the picture would freeze. "
        "Choose another section, or save the video as a new MP4 and try again."
    )


class BrokenResult(EncodeError):
    """The GIF breaks the output contract and must not be published."""

    status_code = 500
    code = "broken_result"
    user_message = Message(
        "The finished background did not pass our check, so it was thrown away. Please try again."
    )


class TimedOut(EncodeError):
    """The conversion took longer than its limit."""

    code = "timed_out"
    user_message = Message("This video takes too long to convert. Try a shorter or smaller file.")


class ConverterKilled(EncodeError):
    """Somebody else killed ffmpeg or gifsicle: mostly the kernel, for want of memory."""

    status_code = 500
    code = "converter_killed"
    user_message = Message(
        "The conversion was cut off, most likely because the server ran out of memory. "
        "Please try again later."
    )


class OutOfMemory(EncodeError):
    """ffmpeg needs more memory for this clip than it may take, or than the machine has."""

    code = "out_of_memory"
    user_message = Message(
        "This video takes more memory than the server can spare. Try a smaller one, or try again later."
    )


class WorkerDied(EncodeError):
    """The worker was killed more often than a job may try."""

    status_code = 500
    code = "worker_died"
    user_message = Message(
        "The conversion was cut off more than once. This video may be too heavy; try another one."
    )


class Cancelled(EncodeError):
    """The caller's `should_stop` said so: the job was cancelled, or taken over."""

    code = "stopped"
    user_message = Message("The conversion was stopped.")


class FfmpegMissing(EncodeError):
    """The ffmpeg binary is missing or does not run."""

    status_code = 500
    code = "ffmpeg_missing"
    user_message = Message(
        "The converter is not installed properly. Whoever runs this service sees why with “doctor”."
    )


class GifsicleMissing(FfmpegMissing):
    """The gifsicle binary is missing or does not run."""

    code = "gifsicle_missing"


class CannotFit(EncodeError):
    """Not even the smallest version fits under the size that was asked for."""

    code = "cannot_fit"

    @classmethod
    def under(cls, max_bytes: float, smallest_bytes: int) -> "CannotFit":
        return cls(
            Message(
                "This part of the video does not fit under %(limit)s MB: the smallest background that still "
                "moves well takes %(smallest)s MB. Allow more, or choose a calmer part.",
                limit=max_bytes / 1e6,
                smallest=round(smallest_bytes / 1e6, 1),
            )
        )


class DiskFull(EncodeError):
    """The disk filled up while frames or the GIF were being written."""

    status_code = 503
    code = "disk_full"
    user_message = Message("The server is out of disk space. Please try again later.")

    @classmethod
    def explains(cls, error: OSError) -> bool:
        """True when this is what the system's error means."""
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
