// Bundle the playground into dist/: the page in playground/, and beside browser.js the service
// worker, which serves only what lies below it.
//
//   node playground/build.mjs

import { copyFile, mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));

/** Write the playground into a folder that has the library, such as `dist`. */
export async function buildPlayground(output = join(here, "..", "dist")) {
  const page = join(output, "playground");
  await mkdir(page, { recursive: true });
  const shared = { bundle: true, format: "esm", target: "es2022", minify: true, logLevel: "warning" };
  await build({
    ...shared,
    entryPoints: [join(here, "main.ts")],
    outfile: join(page, "main.js"),
    // The page finds the library by its import map: it runs what is shipped, not a copy.
    external: ["edgelet"],
  });
  await build({
    ...shared,
    entryPoints: [join(here, "offline", "worker.ts")],
    outfile: join(output, "offline.js"),
  });
  for (const name of ["index.html", "style.css"]) await copyFile(join(here, name), join(page, name));
  await listModels(join(output, "assets", "models"));
}

/** Write the list of models and their precisions that the page offers. */
async function listModels(folder) {
  await mkdir(folder, { recursive: true });
  const models = (await readdir(folder, { withFileTypes: true })).filter((each) => each.isDirectory());
  const list = {};
  for (const { name } of models) list[name] = (await readdir(join(folder, name))).sort();
  await writeFile(join(folder, "index.json"), `${JSON.stringify(list)}\n`);
}

if (argv[1] === fileURLToPath(import.meta.url)) await buildPlayground();
