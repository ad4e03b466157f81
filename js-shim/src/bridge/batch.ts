/** The shapes that a batch has on its way through an engine. */

import type { Batch } from "./engine.js";

/** Token ids as the graph takes them: `[texts, longest]`, shorter texts filled up with 0. */
export interface PaddedBatch {
  readonly tokenIds: Int32Array;
  readonly texts: number;
  readonly longest: number;
}

/** Pad a batch; where all texts have one length, the ids are not copied. */
export function padded({ tokenIds, lengths }: Batch): PaddedBatch {
  const texts = lengths.length;
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  if (tokenIds.length === texts * longest) return { tokenIds, texts, longest };
  const rows = new Int32Array(texts * longest);
  let from = 0;
  lengths.forEach((length, text) => {
    rows.set(tokenIds.subarray(from, from + length), text * longest);
    from += length;
  });
  return { tokenIds: rows, texts, longest };
}

/** How many numbers the answer to a batch has. */
export function sizeOfOutput(batch: Batch, { texts, longest }: PaddedBatch, dimensions: number): number {
  const pooled = batch.output.startsWith("sentence_");
  return texts * (pooled ? 1 : longest) * dimensions;
}
