"""Column values for database rows, so that tests do not need a real clip."""

from chromi.encoder import VideoInfo

VIDEO_INFO = VideoInfo(
    container="mov",
    codec="h264",
    width_px=640,
    height_px=360,
    duration_s=8.0,
    fps=24.0,
    first_frame_s=0.0,
    pixel_format="yuv420p",
    color_matrix="bt709",
    color_transfer="bt709",
)
