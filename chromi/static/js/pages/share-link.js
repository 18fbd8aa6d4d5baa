import { animateVideos } from "../animated-videos.js";
import { partsOf } from "../dom.js";
import { enhancePage } from "../page.js";

enhancePage({
  background_preview: (root) => {
    const { moving_preview: video, motion_toggle: toggle } = partsOf(root);
    if (video) animateVideos([video], toggle);
  },
});
