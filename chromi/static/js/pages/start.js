import { showError } from "../error-notice.js";
import { enhancePage } from "../page.js";
import { takeError } from "../page-history.js";
import { enhanceUploadForm } from "../upload-form.js";

enhancePage({
  upload_form: async (form) => {
    const error = takeError();
    if (error) showError(error);
    await enhanceUploadForm(form);
    const { enhanceStartPage } = await import("../start-page.js");
    enhanceStartPage();
  },
});
