/** What a page needs to call a function that was deployed to browsers. */

import { type GivenByPage, STAY } from "./deployed/messages.js";

/** What the page tells the function. */
export interface ReadyOptions {
  /**
   * The function's variables, such as `AI_INFERENCE_API_HOST`. They replace those that were given
   * before, and the browser keeps them. Whoever sees the page can read them.
   */
  readonly env?: Readonly<Record<string, string>>;
}

/** The service worker, in the folder that this file's folder lies in. */
const SCRIPT = new URL("../service-worker.js", import.meta.url);

/**
 * Resolves once the function answers this page's `fetch("functions/v1/<name>")`. Throws an `Error`
 * where that cannot be: its message is one sentence.
 */
export async function ready({ env }: ReadyOptions = {}): Promise<void> {
  const scope = new URL("./", SCRIPT).href;
  if (!location.href.startsWith(scope)) {
    throw new Error(`a service worker serves pages in its own folder alone: move this one to ${scope}`);
  }
  if (!("serviceWorker" in navigator)) {
    throw new Error("this page has no service workers: serve it over https, or from localhost");
  }
  const { serviceWorker } = navigator;
  serviceWorker.addEventListener("message", answerStay);
  await serviceWorker.register(SCRIPT, { type: "module", updateViaCache: "none" });
  const { active } = await serviceWorker.ready;
  await told(active as ServiceWorker, { env });
  if (serviceWorker.controller === null) {
    await new Promise((resolve) => {
      serviceWorker.addEventListener("controllerchange", resolve, { once: true });
    });
  }
}

/** The worker is needed for as long as this page reads from it. */
function answerStay({ data, source }: MessageEvent<unknown>): void {
  if (data === STAY) (source as ServiceWorker).postMessage({} satisfies GivenByPage);
}

function told(worker: ServiceWorker, given: GivenByPage): Promise<unknown> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((done) => {
    port1.onmessage = done;
    worker.postMessage(given, [port2]);
  });
}
