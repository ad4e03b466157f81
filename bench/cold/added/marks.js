// Runs before everything else of a deployed function, and tells how far its start has come: a server
// prints a line, a service worker tells its page. The function prints some marks itself.

import { onInstance } from "./instances.js";

/** A service worker's console is not read; what it says goes to whoever listens here. */
const channel = "registration" in globalThis ? new BroadcastChannel("marks") : undefined;
const { log } = console;

function mark(name) {
  if (channel === undefined) log(`@${name}`);
  else channel.postMessage({ name, at: performance.timeOrigin + performance.now() });
}

if (channel !== undefined) {
  console.log = (line) => (line.startsWith("@") ? mark(line.slice(1)) : log(line));
}

mark("scripts");

onInstance((imports) => {
  if ("env" in imports) mark("python"); // the engine's imports have shorter names
});

// Files of models are checked when they have come. The weights are the only large one.
const LARGE = 4_000_000;
const { digest } = crypto.subtle;
Object.defineProperty(crypto.subtle, "digest", {
  async value(algorithm, bytes) {
    const hash = await digest.call(crypto.subtle, algorithm, bytes);
    if (bytes.byteLength > LARGE) mark("weights");
    return hash;
  },
});

/** Called where Python has been started, in changed files of the package. */
globalThis.restored = () => mark("restored");

/** Tell of onnxruntime's sessions: the first one starts the engine, one with weights is the model. */
globalThis.watched = (sessions) => {
  const { create } = sessions;
  sessions.create = async (graph, options) => {
    const session = await create.call(sessions, graph, options);
    mark(options?.externalData === undefined ? "engine" : "opened");
    return session;
  };
  return sessions;
};
