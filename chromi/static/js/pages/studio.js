import { enhancePage } from "../page.js";
import { enhanceStudio } from "../studio.js";

enhancePage({ studio: enhanceStudio });
