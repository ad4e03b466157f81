/** The one runtime that sessions share unless they are given another. */

import { EdgeletError } from "../errors.js";
import type { RuntimeOptions } from "../types.js";
import type { Runtime } from "./runtime.js";

/** Makes the shared runtime when it is first needed, with the options that were set before. */
export class SharedRuntime {
  readonly #make: (options: RuntimeOptions) => Runtime;
  #options: RuntimeOptions = {};
  #runtime: Runtime | undefined;

  constructor(make: (options: RuntimeOptions) => Runtime) {
    this.#make = make;
  }

  /** The runtime. */
  readonly get = (): Runtime => (this.#runtime ??= this.#make(this.#options));

  /** Set its options. Throws `EdgeletError` once a session has used it. */
  readonly configure = (options: RuntimeOptions): void => {
    if (this.#runtime !== undefined) {
      throw new EdgeletError({
        name: "OptionError",
        message: "the runtime is in use already; call configure() before the first session runs",
      });
    }
    this.#options = options;
  };
}
