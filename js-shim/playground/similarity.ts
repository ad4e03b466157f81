/** Arithmetic on vectors of length 1, where the dot product is the cosine of the angle. */

/** A text's place in a list, and how near it is to what was asked for: 1 is the same, 0 unrelated. */
export interface Match {
  readonly index: number;
  readonly score: number;
}

/** The cosine of two vectors of length 1. */
export function similarity(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

/** The `limit` vectors nearest to the query, nearest first; equal ones in their order. */
export function nearest(
  query: Float32Array,
  vectors: readonly (Float32Array | undefined)[],
  limit: number,
): Match[] {
  const matches: Match[] = [];
  vectors.forEach((vector, index) => {
    if (vector !== undefined) matches.push({ index, score: similarity(query, vector) });
  });
  return matches.sort((a, b) => b.score - a.score).slice(0, limit);
}

/** Every vector against every other: `matrix[i][j]`. */
export function similarities(vectors: readonly Float32Array[]): number[][] {
  return vectors.map((row) => vectors.map((column) => similarity(row, column)));
}

/**
 * An order in which neighbours are alike: the leaves of a tree that joins, again and again, the two
 * groups whose members are on average the nearest. Each join turns the groups so that their nearest
 * ends meet.
 *
 * @param matrix similarities, symmetric
 */
export function groupedOrder(matrix: readonly (readonly number[])[]): number[] {
  const at = (i: number, j: number): number => matrix[i]?.[j] ?? 0;
  const groups = matrix.map((_, index) => [index]);
  while (groups.length > 1) {
    let [left, right, best] = [0, 1, -Infinity];
    for (let i = 0; i < groups.length; i++) {
      for (let j = i + 1; j < groups.length; j++) {
        const score = averageBetween(groups[i] ?? [], groups[j] ?? [], at);
        if (score > best) [left, right, best] = [i, j, score];
      }
    }
    const [second = []] = groups.splice(right, 1);
    groups[left] = joined(groups[left] ?? [], second, at);
  }
  return groups[0] ?? [];
}

type At = (i: number, j: number) => number;

function averageBetween(a: readonly number[], b: readonly number[], at: At): number {
  let sum = 0;
  for (const i of a) for (const j of b) sum += at(i, j);
  return sum / (a.length * b.length);
}

function joined(a: readonly number[], b: readonly number[], at: At): number[] {
  const ways = [
    [a, b],
    [a, b.toReversed()],
    [a.toReversed(), b],
    [a.toReversed(), b.toReversed()],
  ] as const;
  const seam = ([x, y]: (typeof ways)[number]): number => at(x.at(-1) ?? 0, y[0] ?? 0);
  return ways.reduce((best, way) => (seam(way) > seam(best) ? way : best)).flat();
}
