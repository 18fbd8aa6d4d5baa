import { enhancePage } from "../app.js";
import { enhanceUpload } from "../js/upload.js";

enhancePage({ upload_form: enhanceUpload });
