import { animateVideos } from "./animated-videos.js";
import { listMyBackgrounds } from "./my-backgrounds.js";

/** Start what the page can do without at first: the list of own backgrounds and the videos. */
export function enhanceStartPage() {
  for (const image of document.querySelectorAll(".example-gallery img")) {
    image.addEventListener("error", () => image.remove());
  }
  const mine = document.getElementById("my_backgrounds");
  if (mine) listMyBackgrounds(mine);
  const toggle = document.querySelector("[data-part=motion_toggle]");
  if (toggle) animateVideos([...document.querySelectorAll("video.start-background, .gallery video")], toggle);
}
