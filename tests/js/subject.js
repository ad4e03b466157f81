/**
 * What a test in Python may ask of a JavaScript host: a table of functions from JSON to JSON. One
 * runtime is made for each set of variables, and kept, as a program that uses edgelet would do.
 */

import { described, runCase } from "./conformance.js";

/**
 * @param {typeof import("edgelet")} edgelet
 * @param {import("edgelet").RuntimeOptions} options those of all runtimes
 */
export function createSubject(edgelet, options) {
  const runtimes = new Map();
  const progress = [];
  let begun;

  /** The runtime with these variables; with no further options a shared one. */
  function runtime(env = {}) {
    const key = JSON.stringify(env);
    if (!runtimes.has(key)) {
      const onProgress = (event) => progress.push(event);
      runtimes.set(key, edgelet.createRuntime({ ...options, env, onProgress }));
    }
    return runtimes.get(key);
  }

  const session = (model, { env, ...given } = {}) =>
    new edgelet.Session(model, { ...given, runtime: runtime(env) });

  return {
    runCase: (row, env) => runCase(edgelet, runtime(env), row),

    async embed(model, texts, given = {}, embedOptions = {}) {
      const embeddings = await session(model, given).embed(texts, embedOptions);
      return {
        card: embeddings.card,
        vectors: embeddings.vectors.map((vector) => Array.from(vector)),
        token_counts: Array.from(embeddings.token_counts),
        truncated: Array.from(embeddings.truncated),
      };
    },

    /** Like `embed`, but an error is an answer. */
    async tryToEmbed(model, texts, given = {}) {
      try {
        const { dimensions } = (await session(model, given).embed(texts)).card;
        return { dimensions };
      } catch (error) {
        return { error: described(edgelet, error) };
      }
    },

    /** So many short texts, one call each. */
    async embedOften(model, times) {
      const shared = session(model);
      for (let i = 0; i < times; i++) await shared.run(`text number ${i % 100}`);
    },

    /** Streams an answer; `leave` says after how many chunks, if ever, and how it is left. */
    async stream(model, prompt, given, generateOptions, leave = {}) {
      const controller = new AbortController();
      const stream = await session(model, given).generate(prompt, {
        ...generateOptions,
        stream: true,
        signal: controller.signal,
      });
      const chunks = [];
      try {
        for await (const { raw, ...chunk } of stream) {
          chunks.push(chunk);
          if (chunks.length === leave.after && leave.by === "abort") controller.abort();
          if (chunks.length === leave.after && leave.by === "break") break;
        }
        return { chunks };
      } catch (error) {
        return { chunks, error: described(edgelet, error) };
      }
    },

    /** Reads one chunk of a stream, disposes of the runtime, and reads on. */
    async streamAcrossDispose(model, prompt, given) {
      const stream = await session(model, given).generate(prompt, { stream: true });
      const { value } = await stream.next();
      await this.dispose();
      try {
        for await (const _ of stream); // what had arrived before comes first
        return { text: value.text };
      } catch (error) {
        return { text: value.text, error: described(edgelet, error) };
      }
    },

    /** Begins a call; `ended` tells what came of it. */
    begin(model, prompt, given) {
      const answer = session(model, given).generate(prompt, {});
      begun = answer.catch((error) => ({ error: described(edgelet, error) }));
    },

    ended: () => begun,

    /** Begins a stream, drops it unread, and makes garbage until it is collected. */
    async dropStream(model, prompt, given) {
      await session(model, given).generate(prompt, { stream: true });
      for (let i = 0; i < 40; i++) {
        new Array(1_000_000).fill(i);
        globalThis.gc?.();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },

    async generate(model, prompt, given, generateOptions) {
      try {
        const { raw, ...chunk } = await session(model, given).generate(prompt, generateOptions);
        return { chunk };
      } catch (error) {
        return { error: described(edgelet, error) };
      }
    },

    async tokenIds(model, texts) {
      const ids = [];
      for (const text of texts) ids.push(Array.from(await runtime().tokenIds(model, text)));
      return ids;
    },

    diagnostics: () => runtime().diagnostics(),

    /** The events of all loading since the last call. */
    progress: () => progress.splice(0),

    async dispose() {
      const all = [...runtimes.values()];
      runtimes.clear();
      for (const each of all) await each.dispose();
    },
  };
}
