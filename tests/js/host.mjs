/**
 * Answers a test's questions on standard output, one JSON line each: `[method, ...parameters]` in,
 * `{answer}` or `{failure}` out. Run by Node, Deno and Bun inside a project that has the package
 * installed: `node host.mjs '{"models": "…"}'`.
 */

import process from "node:process";
import { createInterface } from "node:readline";
import * as edgelet from "edgelet";
import { createSubject } from "./subject.js";

const subject = createSubject(edgelet, JSON.parse(process.argv[2]));
const own = {
  /** Bytes of memory that the system counts for this process. */
  memory: () => process.memoryUsage().rss,
};

for await (const line of createInterface({ input: process.stdin })) {
  const [method, ...parameters] = JSON.parse(line);
  let reply;
  try {
    reply = { answer: await { ...subject, ...own }[method](...parameters) };
  } catch (error) {
    reply = { failure: error?.stack ?? String(error) };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
await subject.dispose();
