/** A bridge of its parts: models, HTTP and configuration. */

import type { MeasuredBridge } from "../runtime/local.js";
import type { OpenedModel, OpenModel, RunModel } from "./bridge.js";
import type { Http } from "./http.js";

/** What answers the effects that concern models. */
export interface ModelsOfBridge {
  open(effect: OpenModel, signal: AbortSignal): Promise<OpenedModel>;
  foresee(effect: OpenModel, signal: AbortSignal): Promise<void>;
  run(effect: RunModel, signal: AbortSignal): Promise<Float32Array>;
  encoder(handle: number): Promise<(text: string) => Int32Array>;
  dispose(): Promise<void>;
}

/** The bridge whose effects these parts answer. `models` is made when it is first needed. */
export function composedBridge(
  makeModels: () => ModelsOfBridge,
  http: Http,
  env: (name: string) => string | undefined,
): MeasuredBridge {
  let made: ModelsOfBridge | undefined;
  const models = (): ModelsOfBridge => (made ??= makeModels());
  return {
    env,
    openModel: (effect, signal) => models().open(effect, signal),
    foresee: (effect, signal) => void models().foresee(effect, signal),
    encoder: (handle) => models().encoder(handle),
    runModel: (effect, signal) => models().run(effect, signal),
    send: (request, signal) => http.send(request, signal),
    receive: (response) => http.receive(response),
    close: (response) => http.close(response),
    get openResponses() {
      return http.open;
    },
    async dispose() {
      http.dispose();
      await made?.dispose();
    },
  };
}
