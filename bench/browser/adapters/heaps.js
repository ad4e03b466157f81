// Keeps an eye on every WebAssembly memory of the page and of its workers, none of which a page can
// see otherwise. Loaded only where memory is measured: it stands in the way of `Worker`.

const CHANNEL = "heaps";
const memories = new Set();

for (const name of ["instantiate", "instantiateStreaming"]) {
  const original = WebAssembly[name];
  WebAssembly[name] = async (source, imports) => {
    const result = await original.call(WebAssembly, source, imports);
    const { exports } = result.instance ?? result;
    for (const values of [exports, ...Object.values(imports ?? {})]) {
      for (const value of Object.values(values)) {
        if (value instanceof WebAssembly.Memory) memories.add(value);
      }
    }
    return result;
  };
}

const sizes = () => [...memories].map((memory) => memory.buffer.byteLength);

if (typeof document === "undefined") {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = ({ data }) => {
    if (data === "tell") channel.postMessage(sizes());
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
  const found = sizes();
  channel.onmessage = ({ data }) => found.push(...data);
  channel.postMessage("tell");
  await new Promise((resolve) => setTimeout(resolve, 1000));
  channel.close();
  return found.sort((a, b) => b - a);
}
