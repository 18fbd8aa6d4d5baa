import { showErrorOfReload } from "../error-notice.js";
import { enhancePage } from "../page.js";
import { enhanceUploadForm } from "../upload-form.js";

enhancePage({
  upload_form: async (form) => {
    showErrorOfReload();
    await enhanceUploadForm(form);
    const { enhanceStartPage } = await import("../start-page.js");
    enhanceStartPage();
  },
});
