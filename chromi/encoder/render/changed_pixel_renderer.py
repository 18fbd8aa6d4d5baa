"""Render frames as a GIF that redraws only changed pixels, each frame with its own palette.

ffmpeg decodes the frames, numpy chooses the pixels and the palettes, and another ffmpeg encodes the GIF.
Pipes connect the three, so only a few frames are in memory.
"""

import fcntl
import math
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from chromi.encoder.encoder_errors import EncodeError
from chromi.encoder.process.ffmpeg import OUTPUT_FPS, QUIET, REPORT_FRAMES, frames_input, run_ffmpeg
from chromi.encoder.process.parallel import TICK_S, run_parallel
from chromi.encoder.process.subprocess_runner import ProcessLimits
from chromi.encoder.render.changed_pixels import SETTLED_FRAMES, find_changes
from chromi.encoder.render.frame_quantizer import FrameQuantizer
from chromi.encoder.render.pixels import Pixels
from chromi.encoder.render.render_settings import FrameStore, RenderSettings

_PIPE_BYTES = 1024**2
"""Linux's maximum for an unprivileged process. With the default of 64 KiB, a frame takes 57 writes."""
_MAX_QUEUED_FRAMES = 3
"""Frames that ffmpeg has received and not encoded yet. Otherwise it buffers up to 20 of them, 75 MB."""


@dataclass
class _Pipe:
    """A pipe between this process and ffmpeg."""

    reader: int = -1
    writer: int = -1

    def __post_init__(self) -> None:
        self.reader, self.writer = os.pipe()
        with suppress(PermissionError):  # the system limits the memory for all pipes of a user
            fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def close_reader(self) -> None:
        """Close this process's copy of the reading end, if it is open."""
        if self.reader >= 0:
            os.close(self.reader)
            self.reader = -1

    def close_writer(self) -> None:
        """Close this process's copy of the writing end, if it is open."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1


@dataclass
class ChangedPixelRenderer:
    """One rendering of a store. `frames_done` is the number of frames passed to the encoder."""

    store: FrameStore
    settings: RenderSettings
    gif_path: Path
    limits: ProcessLimits
    frames_done: int = 0
    _decoded: _Pipe = field(default_factory=_Pipe)
    _quantized: _Pipe = field(default_factory=_Pipe)
    _encoder_slots: threading.Semaphore = field(
        default_factory=lambda: threading.Semaphore(_MAX_QUEUED_FRAMES)
    )
    _ended_early: bool = False

    def render(self, on_tick: Callable[[], None]) -> None:
        """Encode the GIF. `concat_segments` sets its delays and disposal methods.

        Raises TimedOut and EncodeError.
        """
        try:
            run_parallel([self._decode, self._transform, self._encode], max_parallel=3, on_tick=on_tick)
        finally:
            for pipe in (self._decoded, self._quantized):
                pipe.close_reader()
                pipe.close_writer()
        if self._ended_early:
            raise EncodeError(detail=f"only {self.frames_done} frames were encoded")

    def _decode(self, check: Callable[[], None]) -> None:
        writer = self._decoded.writer
        try:
            result = run_ffmpeg(
                [
                    *(*QUIET, *frames_input(self.store.frames_path), "-map", "0:v:0"),
                    *("-vf", self.settings.filters(0), "-filter_threads", "1", "-fps_mode", "passthrough"),
                    *("-frames:v", str(len(self.settings.kept_frames(self.store.frame_count)))),
                    *("-threads", "1", "-thread_queue_size", "1", "-f", "rawvideo", "-y", f"pipe:{writer}"),
                ],
                limits=self.limits,
                reads=(self.store.frames_path,),
                descriptors=(writer,),
                on_tick=check,
            )
            # If its reader ended first, it failed because of that. Once the pipe is closed, the reader ends.
            if not self._ended_early:
                result.check()
        finally:
            self._decoded.close_writer()

    def _transform(self, check: Callable[[], None]) -> None:
        try:
            with ThreadPoolExecutor(1) as reader:
                self._write_frames(self._read_frames(reader), check)
        except (BrokenPipeError, EOFError):  # the process at the other end reports why it ended
            self._ended_early = True
        finally:
            self._quantized.close_writer()
            self._decoded.close_reader()

    def _write_frames(self, frames: Iterator[Pixels], check: Callable[[], None]) -> None:
        settings, size_px = self.settings, self.store.size_px
        quantizer = FrameQuantizer(settings.colors - 1, size_px, dither=settings.dither)
        indexes = np.empty(math.prod(size_px), np.uint8)
        for number, frame in enumerate(find_changes(frames, settings.threshold)):
            check()
            if number in self.store.undrawn:
                frame.changed[:] = False
                continue
            if number - 1 in self.store.undrawn:
                frame.changed[:] = True
            palette = quantizer.quantize(frame, indexes)
            while not self._encoder_slots.acquire(timeout=TICK_S):
                check()
            _write_all(self._quantized.writer, indexes.data)
            _write_all(self._quantized.writer, palette.view(np.uint8).data)
            self.frames_done += 1

    def _read_frames(self, reader: Executor) -> Iterator[Pixels]:
        """Yield each frame while the next one is read.

        A frame is in one of a few buffers: find_changes needs a frame and those that it reads ahead. New
        buffers would take longer to allocate than to fill.
        """
        pixel_count = math.prod(self.store.size_px)
        buffers = cycle([np.empty(pixel_count, np.uint32) for _ in range(SETTLED_FRAMES + 2)])
        frame_count = len(self.settings.kept_frames(self.store.frame_count))
        reads = (reader.submit(self._read_frame, buffer) for buffer in islice(buffers, frame_count))
        current = next(reads)
        for following in reads:
            yield current.result()
            current = following
        yield current.result()

    def _read_frame(self, buffer: Pixels) -> Pixels:
        _read_all(self._decoded.reader, buffer.view(np.uint8).data)
        return buffer

    def _encode(self, check: Callable[[], None]) -> None:
        reader = self._quantized.reader
        width_px, height_px = self.store.size_px
        try:
            run_ffmpeg(
                [
                    *(*QUIET, "-f", "rawvideo", "-pixel_format", "pal8"),
                    *("-thread_queue_size", "1", "-threads", "1"),
                    *("-video_size", f"{width_px}x{height_px}", "-framerate", str(OUTPUT_FPS)),
                    *("-i", f"pipe:{reader}"),
                    *("-fps_mode", "passthrough", "-map_metadata", "-1", *REPORT_FRAMES),
                    *("-gifflags", "offsetting", "-f", "gif", "-y", str(self.gif_path)),
                ],
                limits=self.limits,
                writes=(self.gif_path,),
                descriptors=(reader,),
                on_output=lambda line: self._encoder_slots.release(),
                on_tick=check,
            ).check()
        finally:
            self._quantized.close_reader()
            self._encoder_slots.release(self.store.frame_count)  # nothing waits for an encoder that has ended


def _read_all(descriptor: int, buffer: memoryview) -> None:
    """Fill the buffer. Raises EOFError."""
    position = 0
    while position < len(buffer):
        count = os.readv(descriptor, [buffer[position:]])
        if not count:
            raise EOFError
        position += count


def _write_all(descriptor: int, buffer: memoryview) -> None:
    position = 0
    while position < len(buffer):
        position += os.write(descriptor, buffer[position:])
