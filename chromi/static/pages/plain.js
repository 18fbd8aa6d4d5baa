import { enhancePage } from "../app.js";

enhancePage();
