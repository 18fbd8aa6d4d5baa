import { enhancePage } from "../page.js";
import { enhanceUploadForm } from "../upload-form.js";

enhancePage({
  upload_form: async (form) => {
    await enhanceUploadForm(form);
    const { enhanceStartPage } = await import("../start-page.js");
    enhanceStartPage();
  },
});
