import { enhancePage } from "../page.js";

enhancePage();
