/** How a file becomes passages that are worth a vector each. */

/** A piece of a file, and the line that it starts on, counted from 1. */
export interface Passage {
  readonly text: string;
  readonly line: number;
}

/** A passage has at most about so many characters: some 250 tokens, what small models read. */
export const LONGEST = 1000;

/** More passages than this would keep a browser busy for too long. */
export const MOST = 20_000;

/**
 * Split a text. Where blank lines separate paragraphs, a paragraph is a passage; a file without
 * blank lines (a list, a log, a table) has one passage a line. Whatever is longer than `LONGEST`
 * is cut between sentences.
 */
export function passages(text: string): Passage[] {
  const lines = text.split(/\r\n|\n|\r/);
  const blocks = isProse(lines) ? paragraphs(lines) : eachLine(lines);
  return blocks.flatMap(cut);
}

/** Whether some blank line stands between two lines with text, and paragraphs have ends. */
function isProse(lines: readonly string[]): boolean {
  const text = lines.join("\n").trim();
  const blank = text.match(/\n[^\S\n]*\n/g)?.length ?? 0;
  // A list of a hundred lines with one heading is still a list.
  return blank > 0 && text.split("\n").length / (blank + 1) <= 12;
}

function eachLine(lines: readonly string[]): Passage[] {
  return lines
    .map((line, index) => ({ text: line.trim(), line: index + 1 }))
    .filter((passage) => passage.text !== "");
}

function paragraphs(lines: readonly string[]): Passage[] {
  const found: Passage[] = [];
  let open: { words: string[]; line: number } | undefined;
  const close = (): void => {
    if (open !== undefined) found.push({ text: open.words.join(" "), line: open.line });
    open = undefined;
  };
  lines.forEach((raw, index) => {
    const line = raw.trim();
    if (line === "") return close();
    open ??= { words: [], line: index + 1 };
    open.words.push(line);
  });
  close();
  return found;
}

/** A passage as it is, or in pieces that end where sentences do. */
function cut(passage: Passage): Passage[] {
  if (passage.text.length <= LONGEST) return [passage];
  const pieces = [""];
  for (const sentence of sentences(passage.text)) {
    const last = pieces.at(-1) ?? "";
    if (last.length + sentence.length <= LONGEST) pieces[pieces.length - 1] = last + sentence;
    else pieces.push(sentence);
  }
  return pieces
    .map((text) => ({ text: text.trim(), line: passage.line }))
    .filter((piece) => piece.text !== "");
}

/** Sentences; one that is longer than a passage (a table, a line of base64) is cut hard. */
function sentences(text: string): string[] {
  const segmenter = new Intl.Segmenter(undefined, { granularity: "sentence" });
  const hard = new RegExp(`[^]{1,${LONGEST}}`, "gu");
  return Array.from(segmenter.segment(text), ({ segment }) => segment.match(hard) ?? []).flat();
}
