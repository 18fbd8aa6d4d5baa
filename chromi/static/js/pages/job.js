import { watchJob } from "../job-status.js";
import { enhancePage } from "../page.js";
import { enhanceShareLinks } from "../share-links.js";

enhanceShareLinks();
enhancePage({ job: watchJob });
