/** How far the loading of a model has come: a bar for each of its files, and a sentence. */

import type { Progress } from "../src/types.js";
import { find, make } from "./dom.js";
import { bytes, duration } from "./figures.js";

/** The panel that shows the model's state. */
export interface Loading {
  /** A model begins to load. */
  begin(): void;
  /** A file has come this far. */
  file(progress: Progress): void;
  /** The model is there. */
  ready(milliseconds: number): void;
  /** The model cannot be had; `message` is a sentence. */
  failed(message: string): void;
}

interface Row {
  readonly progress: Progress;
  readonly element: HTMLLIElement;
  readonly bar: HTMLProgressElement;
  readonly figure: HTMLSpanElement;
}

/** The panel; `onRetry` is called when a person wants to try a failed load again. */
export function createLoading(onRetry: () => void): Loading {
  const panel = find("model", HTMLElement);
  const status = find("model-status", HTMLElement);
  const list = find("files", HTMLUListElement);
  const retry = find("retry", HTMLButtonElement);
  const rows = new Map<string, Row>();
  retry.addEventListener("click", onRetry);

  function show(state: "loading" | "ready" | "failed", sentence: string): void {
    panel.dataset["state"] = state;
    retry.hidden = state !== "failed";
    status.textContent = sentence;
  }

  return {
    begin() {
      rows.clear();
      list.replaceChildren();
      show("loading", "Starting Python and the engine…");
    },
    file(progress) {
      const row = rows.get(progress.file) ?? emptyRow(progress);
      if (!rows.has(progress.file)) list.append(row.element);
      rows.set(progress.file, { ...row, progress });
      fill(row, progress);
      if (panel.dataset["state"] === "loading" && !progress.cached) {
        status.textContent = "Fetching the model, this once…";
      }
    },
    ready(milliseconds) {
      const files = Array.from(rows.values(), (row) => row.progress);
      show("ready", `Ready in ${duration(milliseconds)}${origin(files)}.`);
    },
    failed(message) {
      show("failed", message);
    },
  };
}

function origin(files: readonly Progress[]): string {
  const total = files.reduce((sum, file) => sum + file.total, 0);
  if (files.length === 0) return "";
  return files.every((file) => file.cached) ? ", from cache" : `, ${bytes(total)} fetched`;
}

function emptyRow(progress: Progress): Row {
  const name = progress.file.slice(progress.file.lastIndexOf("/") + 1);
  const bar = make("progress", { "aria-label": name, max: "1" });
  const figure = make("span", { class: "figure" });
  const element = make("li", {}, make("span", { class: "label" }, name), bar, figure);
  return { progress, element, bar, figure };
}

function fill({ bar, figure }: Row, { loaded, total, cached }: Progress): void {
  bar.max = Math.max(1, total);
  bar.value = loaded;
  if (cached) figure.textContent = `${bytes(total)}, from cache`;
  else if (loaded >= total) figure.textContent = bytes(total);
  else figure.textContent = `${bytes(loaded)} of ${bytes(total)}`;
}
