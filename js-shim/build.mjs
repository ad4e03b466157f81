// Bundle src/ into dist/: what npm ships, and what one folder can serve. One build a platform, so
// that no entry carries another host's code.
//
//   node build.mjs             write the bundles, and the playground beside them
//   node build.mjs --sizes     say how large each is, too
//   node build.mjs --types     check types, and write the .d.ts files beside the bundles

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

import { buildPlayground } from "./playground/build.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "src");
const output = join(here, "dist");

/** The server's package carries what it loads into a function's process. */
const serverPackage = join(here, "..", "host", "edgelet_host", "serving", "javascript");

const shared = {
  absWorkingDir: here,
  outdir: output,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "linked",
  logLevel: "warning",
  metafile: true,
  // Files that are loaded by their address, never bundled: paths stay as they are written.
  external: ["*.wasm", "*.zip", "*.gz", "*.bin", "./assets/*", "onnxruntime-node", "cloudflare:*"],
};

// onnxruntime-web picks the bundle that fetches its wasm glue from `wasmPaths` under this condition;
// the other one carries it within, for hosts that cannot import a file by its address.
const GLUE_BESIDE = "onnxruntime-web-use-extern-wasm";

const server = { platform: "node", splitting: true, external: [...shared.external, "node:*", "ws"] };

// Pyodide asks for these in Node alone. Elsewhere they are an empty module, or whoever bundles this
// package would be told that they cannot be found.
const withoutNode = {
  name: "without Node",
  setup({ onResolve }) {
    onResolve({ filter: /^(node:.*|ws)$/ }, () => ({ path: "data:text/javascript,", external: true }));
  },
};

const web = {
  platform: "browser",
  splitting: true,
  plugins: [withoutNode],
  // A shim for `require` would be one more file to fetch before anything runs.
  define: { require: "undefined" },
};

/**
 * Each platform with its entries; `splitting` keeps what only some callers need in files of its own.
 * They lie beside the entries, because the code finds the assets by its own address.
 */
const platforms = [
  {
    entries: ["browser.ts", "supabase.ts", "bridge.ts"],
    options: { ...web, chunkNames: "[name]-[hash]", conditions: [GLUE_BESIDE] },
  },
  {
    // By itself, so that all it needs at once is one file: a worker that first had to fetch chunks
    // that it shares would start a round trip later.
    entries: ["web-worker.ts"],
    options: { ...web, chunkNames: "web-worker-[name]-[hash]", conditions: [GLUE_BESIDE] },
  },
  {
    entries: ["node.ts", "supabase.node.ts", "deployed.node.ts", "deployed.bun.ts"],
    options: { ...server, chunkNames: "node-[name]-[hash]" },
  },
  {
    entries: ["deno.ts", "supabase.deno.ts", "deployed.deno.ts"],
    options: { ...server, chunkNames: "deno-[name]-[hash]", conditions: ["deno"] },
  },
  {
    // By itself: Supabase starts Python as a Worker does, not as plain Deno.
    entries: ["deployed.supabase.ts"],
    options: { ...web, chunkNames: "supabase-[name]-[hash]" },
  },
  {
    entries: ["function.deno.ts"],
    // Not minified: its lines stand in the stack traces that a function's author reads.
    options: { ...server, splitting: false, conditions: ["deno"], minify: false, outdir: serverPackage },
  },
  {
    entries: ["worker.ts", "supabase.worker.ts", "deployed.worker.ts"],
    options: { ...web, chunkNames: "worker-[name]-[hash]", conditions: ["workerd"] },
  },
  {
    // A service worker imports nothing after it has started: all is in one file, and what is
    // imported there later runs when it is asked for.
    entries: ["deployed.browser.ts"],
    options: { ...web, splitting: false },
  },
  {
    entries: ["deployed.page.ts"],
    // Not minified: it is what a page's author reads.
    options: { ...web, splitting: false, minify: false },
  },
];

async function bundle() {
  const written = new Set();
  for (const { entries, options } of platforms) {
    const entryPoints = entries.map((entry) => join(source, entry));
    try {
      const { metafile } = await build({ ...shared, ...options, entryPoints });
      for (const path of Object.keys(metafile.outputs)) written.add(basename(path));
      if (process.argv.includes("--sizes")) await report(metafile);
    } catch {
      process.exitCode = 1; // esbuild has said why
    }
  }
  if (!process.exitCode) await removeOldBundles(written);
  await buildPlayground(output);
}

/** Chunks carry a hash in their names, so old ones would pile up beside new ones. */
async function removeOldBundles(written) {
  for (const name of await readdir(output)) {
    if (/\.(js|txt)$/.test(name) && !written.has(name)) await rm(join(output, name));
  }
}

async function report(metafile) {
  for (const path of Object.keys(metafile.outputs)) {
    if (!path.endsWith(".js")) continue;
    const bytes = await readFile(join(here, path));
    const packed = gzipSync(bytes, { level: 9 }).length;
    console.log(`${path.padEnd(44)} ${kilobytes(bytes.length)} ${kilobytes(packed)} gz`);
  }
}

function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(1).padStart(8)} kB`;
}

async function types() {
  for (const name of existsSync(output) ? await readdir(output, { recursive: true }) : []) {
    if (name.endsWith(".d.ts")) await rm(join(output, name));
  }
  const compiler = join(here, "node_modules", ".bin", "tsc");
  const programs = [
    ["--emitDeclarationOnly"],
    ["--project", "playground"],
    ["--project", "playground/offline"],
  ];
  for (const program of programs) {
    const { status } = spawnSync(compiler, program, { cwd: here, stdio: "inherit" });
    if (status !== 0) process.exit(1);
  }
  for (const name of ["function", "function.deno.d.ts"]) { // of the server's package, not of this one
    await rm(join(output, name), { recursive: true, force: true });
  }
}

if (process.argv.includes("--types")) await types();
else await bundle();
