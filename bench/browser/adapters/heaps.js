// Tells what the WebAssembly memories of the page and of its workers hold, none of which a page can
// see otherwise. Loaded only where memory is measured: it stands in the way of `Worker`.

import { memorySizes } from "./instances.js";

const CHANNEL = "heaps";

if (typeof document === "undefined") {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = ({ data }) => {
    if (data === "tell") channel.postMessage(memorySizes());
  };
} else {
  globalThis.Worker = class extends Worker {
    constructor(url, options) {
      const scripts = [import.meta.url, new URL(url, location.href).href];
      const code = scripts.map((script) => `import ${JSON.stringify(script)};`).join("\n");
      const blob = new Blob([code], { type: "text/javascript" });
      super(URL.createObjectURL(blob), { ...options, type: "module" });
    }
  };
}

/** Bytes of all memories, those of workers included, which are given a second to answer. */
export async function wasmHeaps() {
  const channel = new BroadcastChannel(CHANNEL);
  const found = memorySizes();
  channel.onmessage = ({ data }) => found.push(...data);
  channel.postMessage("tell");
  await new Promise((resolve) => setTimeout(resolve, 1000));
  channel.close();
  return found.sort((a, b) => b - a);
}
