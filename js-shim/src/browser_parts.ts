/** A runtime in this thread of a browser: everything by `fetch`, from one folder. */

import { composedBridge } from "./bridge/compose.js";
import { explainInBrowser } from "./bridge/cors.js";
import { Http } from "./bridge/http.js";
import { ModelFailure } from "./bridge/bridge.js";
import { webModels } from "./bridge/web_models.js";
import { LocalRuntime } from "./runtime/local.js";
import { startInPage } from "./runtime/pyodide_in_page.js";
import type { RuntimeOptions } from "./types.js";

/** The folder of assets as an absolute URL that ends in a slash. */
export function assetsFolder(given: string | URL | undefined): string {
  const url = new URL(given ?? new URL("./assets/", import.meta.url), globalThis.location?.href);
  return url.href.endsWith("/") ? url.href : `${url.href}/`;
}

/** A runtime in this thread; `page` is what relative paths of models are relative to. */
export function localRuntime(
  options: RuntimeOptions,
  page: string | undefined = globalThis.location?.href,
): LocalRuntime {
  const assets = assetsFolder(options.assets);
  const folder = `${assets}python/`;
  const snapshot = options.snapshot ?? false;
  return new LocalRuntime(
    () => startInPage({ folder, read: (name) => fetched(folder + name), snapshot }),
    () =>
      composedBridge(
        () => webModels(options, assets, page),
        new Http(explainInBrowser),
        (name) => options.env?.[name],
      ),
  );
}

/** A file of the package. Throws `ModelFailure` when the server does not have it. */
export async function fetched(url: string): Promise<ArrayBuffer> {
  const response = await fetch(url);
  if (!response.ok) {
    throw new ModelFailure(
      `${url} answers ${response.status}; serve the package's folder dist/ whole, or name the ` +
        `folder of its assets in the option "assets"`,
    );
  }
  return response.arrayBuffer();
}
