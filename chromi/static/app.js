/* Enhances pages that already work as plain forms. Each module looks after one page and leaves the others alone. */

import { followHistory } from "./js/address.js";
import { showErrors } from "./js/errors.js";
import { watchJob } from "./js/job.js";
import { revealScripted } from "./js/parts.js";
import { shareLinks } from "./js/share.js";
import { enhanceStudio } from "./js/studio.js";
import { enhanceUpload } from "./js/upload.js";
import { localTimes } from "./js/words.js";

function adapt() {
  revealScripted(document);
  localTimes(document);
}
adapt();
document.addEventListener("htmx:afterSwap", adapt);

shareLinks();
followHistory();

const start = { upload_form: enhanceUpload, studio: enhanceStudio, job: watchJob };
for (const [id, enhance] of Object.entries(start)) {
  const element = document.getElementById(id);
  if (element) enhance(element);
}
// Last, so that a page can keep an answer from being shown.
showErrors();
