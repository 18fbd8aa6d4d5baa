import { animateVideos } from "../animated-videos.js";
import { partsOf } from "../dom.js";
import { keepLimitCurrent } from "../download-limit.js";
import { enhanceLinkButtons } from "../link-buttons.js";
import { enhancePage } from "../page.js";
import { togglePassword } from "../password-toggle.js";

enhanceLinkButtons();
enhancePage({
  background_preview: (root) => {
    const { moving_preview: video, motion_toggle: toggle, limit, download_form: form, reveal } = partsOf(root);
    if (video) animateVideos([video], toggle);
    if (form) keepLimitCurrent(limit, form);
    reveal?.addEventListener("click", () => togglePassword(reveal));
  },
});
