/** Copy a video's frame into a canvas of the same aspect ratio, at most `maxPx` wide and high. */
export function copyFrame(video, canvas, maxPx) {
  const scale = Math.min(1, maxPx / Math.max(video.videoWidth, video.videoHeight));
  canvas.width = Math.max(1, Math.round(video.videoWidth * scale));
  canvas.height = Math.max(1, Math.round(video.videoHeight * scale));
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** All of a source, in fractions of its width and height. */
export const WHOLE_FRAME = { left: 0, top: 0, width: 1, height: 1 };

/**
 * Draw the center of a part of an image, video or canvas so that it fills the canvas, like CSS object-fit: cover. The
 * part is given in fractions of the source.
 */
export function drawCover(source, canvas, part = WHOLE_FRAME) {
  const sourceWidth = source.videoWidth ?? source.naturalWidth ?? source.width;
  const sourceHeight = source.videoHeight ?? source.naturalHeight ?? source.height;
  const [width, height] = [part.width * sourceWidth, part.height * sourceHeight];
  const scale = Math.max(canvas.width / width, canvas.height / height);
  const cropWidth = canvas.width / scale;
  const cropHeight = canvas.height / scale;
  const [left, top] = [part.left * sourceWidth, part.top * sourceHeight];
  const crop = [left + (width - cropWidth) / 2, top + (height - cropHeight) / 2, cropWidth, cropHeight];
  canvas.getContext("2d").drawImage(source, ...crop, 0, 0, canvas.width, canvas.height);
}
