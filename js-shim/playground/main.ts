/**
 * The page: texts on one side, a question on the other, one model between them. This room only
 * joins the others; each says in its own first line what it does.
 */

import type { Session } from "edgelet";

import { embedRest, forgotten, rewritten, type Collection } from "./collection.js";
import { createComparison } from "./comparison.js";
import { afterPause, find, make } from "./dom.js";
import { availableChoices, createEngine, DEFAULT_CHOICE, type Choice } from "./engine.js";
import { count, counted, duration } from "./figures.js";
import { listenForFiles, type TextFile } from "./file-drop.js";
import { sentence, setUpGeneration } from "./generate.js";
import { createLoading } from "./loading.js";
import { prepareOffline } from "./offline/register.js";
import { createSearch } from "./search.js";
import { linesOf, SAMPLE, SAMPLE_QUERY } from "./sentences.js";
import { createSnippetPanel, searchSnippet } from "./snippets.js";

const chooser = find("choice", HTMLSelectElement);
const typed = find("texts", HTMLTextAreaElement);
const status = find("texts-status", HTMLElement);
const bar = find("texts-progress", HTMLProgressElement);
const cancel = find("cancel", HTMLButtonElement);
const fileCard = find("file-card", HTMLElement);

const loading = createLoading(() => void open());
const engine = createEngine((progress) => loading.file(progress));
const search = createSearch(showCode, (error) => complain(sentence(error)));
const comparison = createComparison();
const code = createSnippetPanel("search");

/** Why an embedding ended: a person's wish, not newer texts. */
const CANCELLED = "cancelled";

let choice: Choice = DEFAULT_CHOICE;
let session: Session | undefined;
let maxTokens = 256;
let sentences: Collection = { name: "your sentences", texts: [], known: new Map() };
let file: Collection | undefined;
let embedding = new AbortController();

/** Load the chosen model, then make everything anew with it. */
async function open(): Promise<void> {
  embedding.abort();
  session = undefined;
  chooser.disabled = true;
  loading.begin();
  const begun = performance.now();
  try {
    const opened = await engine.open(choice);
    loading.ready(performance.now() - begun);
    session = opened.session;
    maxTokens = opened.maxTokens;
    sentences = forgotten(sentences);
    file = file && forgotten(file);
    await embed();
  } catch (error) {
    loading.failed(sentence(error));
  } finally {
    chooser.disabled = false;
  }
}

/** Embed what the current texts still lack, and show what that changes. */
async function embed(): Promise<void> {
  embedding.abort();
  embedding = new AbortController();
  const { signal } = embedding;
  const collection = file ?? sentences;
  showCode();
  if (session === undefined) return;
  let milliseconds = 0;
  try {
    for await (const standing of embedRest(session, collection, signal)) {
      if (signal.aborted) return;
      milliseconds = standing.milliseconds;
      showProgress(standing.done, standing.total);
      search.refresh(session, collection);
    }
    showEnd(collection, milliseconds);
  } catch (error) {
    if (!signal.aborted) complain(sentence(error));
    else if (signal.reason === CANCELLED) showStop(collection);
    else return; // newer texts are on their way
  }
  comparison.show(collection, maxTokens);
}

function showProgress(done: number, total: number): void {
  status.classList.remove("error");
  bar.max = Math.max(1, total);
  bar.value = done;
  cancel.hidden = done === total;
  cancel.textContent = "Cancel";
  if (done < total) status.textContent = `Embedding ${count(done)} of ${counted(total, "text")}…`;
}

function showEnd({ texts }: Collection, milliseconds: number): void {
  const took = milliseconds === 0 ? "" : ` in ${duration(milliseconds)}`;
  status.textContent = texts.length === 0 ? "No texts yet." : `${counted(texts.length, "text")} embedded${took}.`;
}

function showStop(collection: Collection): void {
  cancel.textContent = "Continue";
  status.textContent = `Stopped at ${count(collection.known.size)} of ${counted(collection.texts.length, "text")}.`;
}

function complain(words: string): void {
  cancel.hidden = true;
  status.classList.add("error");
  status.textContent = words;
}

function showCode(): void {
  code.show(searchSnippet(choice, (file ?? sentences).texts, search.query() || SAMPLE_QUERY));
}

function rewriteSentences(): void {
  sentences = rewritten(sentences, linesOf(typed.value));
  void embed();
}

function setTyped(texts: readonly string[]): void {
  typed.value = texts.join("\n");
  rewriteSentences();
  typed.focus();
}

function searchFile({ name, passages, note }: TextFile): void {
  file = {
    name,
    texts: passages.map((passage) => passage.text),
    lines: passages.map((passage) => passage.line),
    known: new Map(),
  };
  find("file-name", HTMLElement).textContent = name;
  find("file-note", HTMLElement).textContent = `${counted(passages.length, "passage")}. ${note}`.trim();
  showFile(true);
  comparison.show(file, maxTokens);
  void embed();
}

function showFile(yes: boolean): void {
  fileCard.hidden = !yes;
  find("typed", HTMLElement).hidden = yes;
}

async function offerChoices(): Promise<void> {
  const choices = await availableChoices();
  chooser.replaceChildren(
    ...choices.map(({ model, precision }, index) =>
      make("option", { value: String(index) }, `${model}, ${precision}`),
    ),
  );
  const index = choices.findIndex(
    ({ model, precision }) => model === DEFAULT_CHOICE.model && precision === DEFAULT_CHOICE.precision,
  );
  chooser.value = String(Math.max(0, index));
  choice = choices[Math.max(0, index)] ?? DEFAULT_CHOICE;
  chooser.addEventListener("change", () => {
    choice = choices[Number(chooser.value)] ?? DEFAULT_CHOICE;
    void open();
  });
}

typed.value = SAMPLE.join("\n");
sentences = rewritten(sentences, SAMPLE);
typed.addEventListener("input", afterPause(250, rewriteSentences));
find("sample", HTMLButtonElement).addEventListener("click", () => setTyped(SAMPLE));
find("clear", HTMLButtonElement).addEventListener("click", () => setTyped([]));
find("close-file", HTMLButtonElement).addEventListener("click", () => {
  file = undefined;
  showFile(false);
  typed.focus();
  void embed();
});
cancel.addEventListener("click", () => {
  if (!embedding.signal.aborted) return embedding.abort(CANCELLED);
  void embed();
});
listenForFiles(searchFile, complain);
setUpGeneration(engine);
showCode();
// With rows for figures that are still to come, so that nothing moves when they do.
comparison.show(sentences, maxTokens);

await prepareOffline();
await offerChoices();
await open();
