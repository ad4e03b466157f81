/** Texts that are searched together, and what the model has made of them so far. */

import type { Session } from "edgelet";

/** One text with its vector. */
export interface Embedded {
  readonly vector: Float32Array;
  /** Tokens after cutting, special tokens included. */
  readonly tokens: number;
  /** Whether the text was over the model's limit, so that its end was not read. */
  readonly cut: boolean;
  /** Its share of the time that its batch took. */
  readonly milliseconds: number;
}

/** Texts in their order. `known` has those that are embedded already, by text. */
export interface Collection {
  /** What a person calls it, such as a file's name. */
  readonly name: string;
  readonly texts: readonly string[];
  /** The line of each text, where it comes from a file. */
  readonly lines?: readonly number[];
  readonly known: Map<string, Embedded>;
}

/** Texts of one call: few, so that search can begin and a click can stop before the end. */
const SLICE = 64;

/** The same texts, with nothing known about them: what another model starts from. */
export function forgotten(collection: Collection): Collection {
  return { ...collection, known: new Map() };
}

/** New texts for a collection; what is known about those that stay is kept. */
export function rewritten(collection: Collection, texts: readonly string[]): Collection {
  const known = new Map<string, Embedded>();
  for (const text of texts) {
    const embedded = collection.known.get(text);
    if (embedded !== undefined) known.set(text, embedded);
  }
  return { ...collection, texts, known };
}

/** The collection's texts as embedded, in order; undefined where that is still to come. */
export function embeddedTexts(collection: Collection): (Embedded | undefined)[] {
  return collection.texts.map((text) => collection.known.get(text));
}

/** How many texts are embedded, and the milliseconds that this took. */
export interface Standing {
  readonly done: number;
  readonly total: number;
  readonly milliseconds: number;
}

/**
 * Embed what is not known yet, a slice at a time; yields after each slice, and once at the start.
 *
 * @throws EdgeletError when the model cannot embed, and `AbortError` when `signal` fires. What was
 * embedded until then stays known, and a further call goes on from there.
 */
export async function* embedRest(
  session: Session,
  collection: Collection,
  signal: AbortSignal,
): AsyncGenerator<Standing, void> {
  const { texts, known } = collection;
  const missing = [...new Set(texts)].filter((text) => !known.has(text));
  const total = texts.length;
  let milliseconds = 0;
  yield { done: total - missing.length, total, milliseconds };
  for (let start = 0; start < missing.length; start += SLICE) {
    const slice = missing.slice(start, start + SLICE);
    const begun = performance.now();
    const { vectors, token_counts, truncated } = await session.embed(slice, {
      signal,
      timeout: null,
    });
    const taken = performance.now() - begun;
    milliseconds += taken;
    const cut = new Set(truncated);
    slice.forEach((text, index) => {
      known.set(text, {
        // A copy: a view would keep the whole slice in memory for as long as one text is known.
        vector: (vectors[index] ?? new Float32Array()).slice(),
        tokens: token_counts[index] ?? 0,
        cut: cut.has(index),
        milliseconds: taken / slice.length,
      });
    });
    yield { done: total - missing.length + start + slice.length, total, milliseconds };
  }
}
