/**
 * The bridge alone, for plain Pyodide pages: there core runs in the page's own Python, which loads
 * this module by URL (see `edgelet_pyodide.host`) and calls its methods.
 */

import type { Bridge } from "./bridge/bridge.js";
import { composedBridge } from "./bridge/compose.js";
import { explainInBrowser } from "./bridge/cors.js";
import { Http } from "./bridge/http.js";
import { webModels } from "./bridge/web_models.js";
import { assetsFolder } from "./browser_parts.js";
import type { RuntimeOptions } from "./types.js";

/** A bridge that loads models and engine from the package's folder, or where `options` say. */
export function createBridge(options: RuntimeOptions = {}): Bridge {
  const assets = assetsFolder(options.assets);
  const variable = (name: string): string | undefined => options.env?.[name];
  return composedBridge(
    () => webModels(options, assets),
    new Http(explainInBrowser),
    variable,
  );
}
