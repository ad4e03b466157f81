/** What every entry point exports beside `Session`, `createRuntime` and `configure`. */

export { EdgeletError } from "./errors.js";
export type { RawAnswer } from "./session.js";
export type { Diagnostics, Runtime } from "./runtime/runtime.js";
export type {
  Chunk,
  ChunkStream,
  Embeddings,
  EmbedOptions,
  GenerateLimits,
  GenerateOptions,
  Message,
  ModelCard,
  ModelOptions,
  Precision,
  Progress,
  Prompt,
  RuntimeOptions,
  SessionOptions,
} from "./types.js";
