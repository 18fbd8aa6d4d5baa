import { enhancePage } from "../app.js";
import { enhanceStudio } from "../js/studio.js";

enhancePage({ studio: enhanceStudio });
