import { animateVideos } from "../animated-videos.js";
import { partsOf } from "../dom.js";
import { keepLimitCurrent } from "../download-limit.js";
import { enhanceLinkButtons } from "../link-buttons.js";
import { enhancePage } from "../page.js";
import { enhancePasswordFields } from "../password-toggle.js";

enhanceLinkButtons();
enhancePasswordFields();
enhancePage({
  background_preview: (root) => {
    const { moving_preview: video, motion_toggle: toggle, limit, download_form: form } = partsOf(root);
    if (video) animateVideos([video], toggle);
    if (form) keepLimitCurrent(limit, form);
  },
});
