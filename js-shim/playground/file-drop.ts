/** A text file, dropped anywhere on the page or chosen, becomes passages to search. */

import { find } from "./dom.js";
import { bytes, counted } from "./figures.js";
import { MOST, passages, type Passage } from "./passages.js";

/** A larger file is hardly text that someone wrote. */
const LARGEST = 20_000_000;

/** A file as it is searched. `note` says what was left out, if anything was. */
export interface TextFile {
  readonly name: string;
  readonly passages: readonly Passage[];
  readonly note: string;
}

/** Listen for files; `onError` gets a sentence where a file is nothing to search. */
export function listenForFiles(
  onFile: (file: TextFile) => void,
  onError: (message: string) => void,
): void {
  const input = find("file", HTMLInputElement);
  const veil = find("veil", HTMLElement);
  const take = (files: FileList | null | undefined): void => {
    const [file] = files ?? [];
    if (file === undefined) return;
    readTextFile(file).then(onFile, (error: unknown) => {
      onError(error instanceof Error ? error.message : String(error));
    });
  };
  find("open", HTMLButtonElement).addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    take(input.files);
    input.value = ""; // so that choosing the same file again is a change
  });
  const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    veil.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) veil.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    veil.hidden = true;
    if (!carriesFiles(event)) return;
    event.preventDefault();
    take(event.dataTransfer?.files);
  });
}

/** @throws Error with a sentence, when the file is too large, empty, or not text. */
async function readTextFile(file: File): Promise<TextFile> {
  if (file.size > LARGEST) {
    throw new Error(`${file.name} has ${bytes(file.size)}; a file may have up to ${bytes(LARGEST)}: split it.`);
  }
  const all = passages(decoded(new Uint8Array(await file.arrayBuffer()), file.name));
  if (all.length === 0) throw new Error(`${file.name} has no text in it.`);
  const left = all.length - MOST;
  const note = left > 0 ? `The last ${counted(left, "passage")} of the file are left out.` : "";
  return { name: file.name, passages: all.slice(0, MOST), note };
}

function decoded(content: Uint8Array, name: string): string {
  const utf16 = content[0] === 0xff && content[1] === 0xfe;
  try {
    const text = new TextDecoder(utf16 ? "utf-16le" : "utf-8", { fatal: true }).decode(content);
    if (!text.includes("\0")) return text;
  } catch {
    // Not this encoding; the sentence below says what would be.
  }
  throw new Error(`${name} is not a text file; drop plain text, Markdown, CSV or source code in UTF-8.`);
}
