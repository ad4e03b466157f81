/** The worker's side: answers the page's questions with a `LocalRuntime` of its own. */

import { localRuntime } from "./browser_parts.js";
import { factsOf } from "./errors.js";
import type { Question, Reply, Value } from "./runtime/messages.js";
import type { LocalRuntime } from "./runtime/local.js";

const questions = new Map<number, AbortController>();
let runtime: LocalRuntime | undefined;

globalThis.onmessage = ({ data }: MessageEvent<Question>) => {
  switch (data.kind) {
    case "configure":
      runtime = localRuntime(
        { ...data.options, onProgress: (progress) => reply({ kind: "loading", progress }) },
        data.options.page,
      );
      return;
    case "abort":
      questions.get(data.id)?.abort();
      return;
    default:
      if (runtime !== undefined) void settle(runtime, data);
  }
};

type Asked = Exclude<Question, { kind: "configure" | "abort" }>;

async function settle(local: LocalRuntime, question: Asked): Promise<void> {
  const { id } = question;
  const controller = new AbortController();
  questions.set(id, controller);
  try {
    const value = await answer(local, question, controller.signal);
    if (controller.signal.aborted) return leave(local, value);
    reply({ kind: "done", id, value }, transferable(value));
  } catch (error) {
    reply({ kind: "failed", id, error: factsOf(error) });
  } finally {
    questions.delete(id);
  }
}

function answer(local: LocalRuntime, question: Asked, signal: AbortSignal): Promise<Value> {
  switch (question.kind) {
    case "call": {
      const { id, call } = question;
      const progress = (done: number, total: number): void =>
        reply({ kind: "progress", id, done, total });
      return local.call(call, { signal, progress: question.progress ? progress : undefined });
    }
    case "receive":
      return local.receive(question.stream, signal);
    case "close":
      return local.close(question.stream) as Promise<undefined>;
    case "tokenIds":
      return local.tokenIds(question.model, question.text);
    case "diagnostics":
      return local.diagnostics();
  }
}

/** A stream that nobody will read: the page had left before it began. */
async function leave(local: LocalRuntime, value: Value): Promise<void> {
  if (value !== undefined && "kind" in value && value.kind === "stream") {
    await local.close(value.stream);
  }
}

function transferable(value: Value): Transferable[] {
  return value !== undefined && "kind" in value && value.kind === "embeddings"
    ? [value.values.buffer as ArrayBuffer]
    : [];
}

function reply(message: Reply, transfer: Transferable[] = []): void {
  globalThis.postMessage(message, { transfer });
}
