import { enhancePage } from "../app.js";
import { watchJob } from "../js/job.js";
import { shareLinks } from "../js/share.js";

shareLinks();
enhancePage({ job: watchJob });
