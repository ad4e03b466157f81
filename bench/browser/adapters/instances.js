// Sees every instance of WebAssembly that is made after this module was loaded, whoever makes it, and
// so the memories that nothing else tells of. It is loaded only where something is measured by it.

const memories = new Set();
const listeners = [];

/** Calls `hear` with the imports of every instance that is made from now on. */
export function onInstance(hear) {
  listeners.push(hear);
}

/** Bytes of every memory, in the order in which they were seen. */
export function memorySizes() {
  return [...memories].map((memory) => memory.buffer.byteLength);
}

function see({ exports }, imports = {}) {
  for (const values of [exports, ...Object.values(imports)]) {
    for (const value of Object.values(values)) {
      if (value instanceof WebAssembly.Memory) memories.add(value);
    }
  }
  for (const hear of listeners) hear(imports);
}

for (const name of ["instantiate", "instantiateStreaming"]) {
  const original = WebAssembly[name];
  WebAssembly[name] = async (source, imports) => {
    const result = await original.call(WebAssembly, source, imports);
    see(result.instance ?? result, imports);
    return result;
  };
}

WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct(target, [module, imports]) {
    const instance = new target(module, imports);
    see(instance, imports);
    return instance;
  },
});
