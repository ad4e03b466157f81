/**
 * A Worker with all that edgelet offers: `/vector` and `/stream` as a user would write them, and a
 * table of functions, the one of all hosts, for the tests.
 */

import { env } from "cloudflare:workers";
import engineWasm from "edgelet/assets/onnxruntime/ort-wasm-simd-threaded.wasm";
import * as edgelet from "edgelet/worker";
import { createSubject } from "./subject.js";
import python from "./python.mjs";

const options = {
  modules: { ...python, engineWasm },
  models: (path) => env.MODELS.fetch(`https://models.local/${path}`),
};
edgelet.configure(options);

const subject = createSubject(edgelet, options);
const embedder = new edgelet.Session("all-MiniLM-L6-v2");
const writer = new edgelet.Session("mistral");
const globals = () => ({
  location: typeof location,
  fetch: Object.hasOwn(globalThis, "fetch"),
  process: globalThis.process && [process.browser ?? null, process.type ?? null],
});

const routes = {
  "/vector": async (_, { text }) => Response.json(await embedder.run(text)),
  "/vectors": async (request) => Response.json(await embedder.run(await request.json())),
  "/stream": async (request, { prompt }) => {
    const chunks = await writer.run(prompt, { stream: true, signal: request.signal });
    return new Response(ReadableStream.from(texts(chunks)));
  },
  "/globals": async () => Response.json(globals()),
  "/subject": async (request) => {
    const [method, ...parameters] = await request.json();
    return Response.json({ answer: await subject[method](...parameters) });
  },
};

async function* texts(chunks) {
  for await (const { response } of chunks) yield new TextEncoder().encode(response);
}

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    try {
      return await routes[pathname](request, Object.fromEntries(searchParams));
    } catch (error) {
      const { name, message, stack } = error;
      const known = error instanceof edgelet.EdgeletError;
      return Response.json({ name, message, failure: known ? undefined : stack }, { status: 500 });
    }
  },
};
