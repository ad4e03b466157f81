/** Streaming an answer from an inference host: the form, the answer, what it took. */

import type { Chunk } from "../src/types.js";
import { find } from "./dom.js";
import type { Engine } from "./engine.js";
import { counted, duration } from "./figures.js";
import { answerSnippet, createSnippetPanel, type Question } from "./snippets.js";

/** Where each kind of server listens unless told otherwise. */
const USUAL_HOSTS = { ollama: "http://127.0.0.1:11434", openaicompatible: "http://127.0.0.1:8080" } as const;

/** What is known of an answer while it arrives. */
interface Tally {
  chunks: number;
  firstChunk: number | undefined;
  finish: string | null;
  tokens: number | null;
}

/** Make the form work; `engine` gives the sessions. */
export function setUpGeneration(engine: Engine): void {
  const form = find("ask", HTMLFormElement);
  const host = find("host", HTMLInputElement);
  const stop = find("stop", HTMLButtonElement);
  const send = find("send", HTMLButtonElement);
  const answer = find("answer", HTMLElement);
  const status = find("answer-status", HTMLElement);
  const panel = createSnippetPanel("answer");
  let asking: AbortController | undefined;

  const refreshCode = (): void => panel.show(answerSnippet(question(form)));
  form.addEventListener("input", refreshCode);
  form.addEventListener("change", (event) => {
    const { target } = event;
    if (!(target instanceof HTMLInputElement) || target.name !== "mode") return;
    // Only an address that nobody has changed follows the kind of server.
    const usual: readonly string[] = Object.values(USUAL_HOSTS);
    if (usual.includes(host.value)) host.value = USUAL_HOSTS[question(form).mode];
    refreshCode();
  });
  stop.addEventListener("click", () => asking?.abort());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (asking !== undefined) return;
    asking = new AbortController();
    busy(true);
    status.classList.remove("error");
    status.textContent = "Waiting for the first chunk…";
    let progress = "before the first chunk";
    stream(engine, form, answer, asking.signal, (words) => {
      progress = words;
      status.textContent = words;
    })
      .catch((error: unknown) => {
        const stopped = asking?.signal.aborted ?? false;
        status.classList.toggle("error", !stopped);
        status.textContent = stopped ? `Stopped: ${progress}` : sentence(error);
      })
      .finally(() => {
        asking = undefined;
        busy(false);
      });
  });
  refreshCode();

  function busy(yes: boolean): void {
    form.dataset["state"] = yes ? "busy" : "idle";
    // Focus stays where the person is: a button that vanishes under it would lose it.
    const focused = document.activeElement === (yes ? send : stop);
    send.hidden = yes;
    stop.hidden = !yes;
    if (focused) (yes ? stop : send).focus();
  }
}

async function stream(
  engine: Engine,
  form: HTMLFormElement,
  answer: HTMLElement,
  signal: AbortSignal,
  tell: (words: string) => void,
): Promise<void> {
  const { host, model, mode, prompt } = question(form);
  const key = find("key", HTMLInputElement).value;
  answer.replaceChildren();
  const session = await engine.ask(model, host, key === "" ? undefined : key);
  const begun = performance.now();
  const tally: Tally = { chunks: 0, firstChunk: undefined, finish: null, tokens: null };
  const paper = createPaper(answer);
  try {
    const chunks = await session.generate(prompt, { mode, stream: true, signal, timeout: null });
    for await (const chunk of chunks) {
      tally.firstChunk ??= performance.now() - begun;
      add(tally, chunk);
      paper.write(chunk);
      tell(summary(tally, performance.now() - begun));
    }
  } finally {
    paper.settle();
    await session.dispose();
  }
  signal.throwIfAborted();
  tell(summary(tally, performance.now() - begun));
}

function add(tally: Tally, chunk: Chunk): void {
  tally.chunks += 1;
  tally.finish = chunk.finish_reason ?? tally.finish;
  tally.tokens = chunk.completion_tokens ?? tally.tokens;
}

function summary({ chunks, firstChunk, finish, tokens }: Tally, milliseconds: number): string {
  return [
    `first chunk after ${duration(firstChunk ?? 0)}`,
    counted(chunks, "chunk"),
    ...(tokens === null ? [] : [counted(tokens, "token")]),
    duration(milliseconds),
    ...(finish === null ? [] : [`finish reason: ${finish}`]),
  ].join(" · ");
}

/** Where an answer is written: once a frame, however fast chunks come. */
function createPaper(answer: HTMLElement): { write(chunk: Chunk): void; settle(): void } {
  const thinking = document.createElement("p");
  thinking.className = "thinking";
  const text = document.createElement("p");
  const waiting = { thinking: "", text: "" };
  let frame = 0;
  const settle = (): void => {
    cancelAnimationFrame(frame);
    frame = 0;
    const atEnd = answer.scrollHeight - answer.scrollTop - answer.clientHeight < 24;
    if (waiting.thinking !== "" && !thinking.isConnected) answer.prepend(thinking);
    if (waiting.text !== "" && !text.isConnected) answer.append(text);
    thinking.append(waiting.thinking);
    text.append(waiting.text);
    waiting.thinking = "";
    waiting.text = "";
    if (atEnd) answer.scrollTop = answer.scrollHeight;
  };
  return {
    write(chunk) {
      waiting.thinking += chunk.thinking;
      waiting.text += chunk.text;
      // A hidden tab has no frames; its text waits for `settle`.
      if (frame === 0) frame = requestAnimationFrame(settle);
    },
    settle,
  };
}

function question(form: HTMLFormElement): Question {
  const fields = new FormData(form);
  const field = (name: string): string => String(fields.get(name) ?? "").trim();
  return {
    host: field("host"),
    model: field("model"),
    mode: field("mode") === "openaicompatible" ? "openaicompatible" : "ollama",
    prompt: field("prompt"),
    withKey: field("key") !== "",
  };
}

/** An error's own sentence. */
export function sentence(error: unknown): string {
  const words = error instanceof Error ? error.message : String(error);
  return words === "" ? "Something failed without a word." : words.charAt(0).toUpperCase() + words.slice(1);
}
