/** The package's assets, as a Worker imports them. */

declare module "*/pyodide.asm.mjs" {
  const create: (settings: never) => Promise<unknown>;
  export default create;
}

declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

declare module "*.zip" {
  const bytes: ArrayBuffer;
  export default bytes;
}
