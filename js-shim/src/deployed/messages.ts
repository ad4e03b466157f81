/** What the pages of a function and its service worker say to each other. */

import type { Variables } from "./variables.js";

/** A page's words; the worker answers them by a message. */
export interface GivenByPage {
  /** The function's variables; without them, they stay as they are. */
  readonly env?: Variables | undefined;
}

/** The worker's: whoever reads a long response is to say something, whatever it is. */
export const STAY = "edgelet: say something, or the browser stops this worker";
