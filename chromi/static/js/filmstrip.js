const FRAME_SHAPE = 16 / 9;

function once(target, name) {
  return new Promise((resolve, reject) => {
    target.addEventListener(name, resolve, { once: true });
    target.addEventListener("error", reject, { once: true });
  });
}

/** Draw the middle of the picture, cropped to fill the box, as the preview does. */
function drawCover(context, video, x, width, height) {
  const scale = Math.max(width / video.videoWidth, height / video.videoHeight);
  const cropWidth = width / scale;
  const cropHeight = height / scale;
  const left = (video.videoWidth - cropWidth) / 2;
  const top = (video.videoHeight - cropHeight) / 2;
  context.drawImage(video, left, top, cropWidth, cropHeight, x, 0, width, height);
}

/** Fill the canvas with pictures from along the clip, one after the other. Decoration: it may fail silently. */
export async function drawFilmstrip(canvas, url, durationS) {
  // A second, unseen video: seeking the visible one about would show.
  const video = document.createElement("video");
  Object.assign(video, { muted: true, playsInline: true, preload: "metadata", src: url });
  canvas.width = canvas.clientWidth * devicePixelRatio;
  canvas.height = canvas.clientHeight * devicePixelRatio;
  const count = Math.ceil(canvas.width / (canvas.height * FRAME_SHAPE));
  const width = canvas.width / count;
  const context = canvas.getContext("2d");
  try {
    await once(video, "loadedmetadata");
    if (video.videoWidth === 0) return;
    for (let i = 0; i < count; i += 1) {
      video.currentTime = (durationS * (i + 0.5)) / count;
      await once(video, "seeked");
      drawCover(context, video, Math.round(i * width), Math.ceil(width), canvas.height);
    }
  } catch {
    // Not playable here: the strip stays plain, and the preview tells the person.
  } finally {
    video.removeAttribute("src");
    video.load();
  }
}
