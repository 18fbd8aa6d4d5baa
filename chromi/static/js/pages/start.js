import { enhancePage } from "../page.js";
import { enhanceUploadForm } from "../upload-form.js";

enhancePage({ upload_form: enhanceUploadForm });
