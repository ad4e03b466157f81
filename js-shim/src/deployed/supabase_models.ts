/**
 * The one embedding model that Supabase's edge runtime has itself, `gte-small`, behind the effects
 * of core. Core tokenizes and cuts texts; Supabase takes text alone, so the ids become text again:
 * pieces of words joined, which its own tokenizer takes apart into the same ids.
 */

import { ModelFailure, type OpenedModel, type OpenModel, type RunModel } from "../bridge/bridge.js";
import type { ModelsOfBridge } from "../bridge/compose.js";
import { messageOf } from "../errors.js";
import { BUILT_IN_MODELS } from "../runtime/built_in_models.js";
import type { ModelCard } from "../types.js";

/** `Supabase.ai.Session`, as far as it embeds. */
interface NativeSession {
  run(text: string, options: { mean_pool: boolean; normalize: boolean }): Promise<readonly number[]>;
}

interface SupabaseScope {
  readonly Supabase?: { readonly ai?: { readonly Session?: new (model: string) => NativeSession } };
}

const CARD: ModelCard = {
  model: "gte-small",
  precision: "fp32",
  dimensions: 384,
  max_tokens: 512,
  positions: 512,
  pooling: "mean",
};

/** The only model here, and so its handle. */
const HANDLE = 1;

/** The models of Supabase. `readTokenizer` reads the `tokenizer.json` of `gte-small`. */
export class SupabaseModels implements ModelsOfBridge {
  readonly #readTokenizer: () => Promise<ArrayBuffer>;
  #tokenizer: Promise<Uint8Array> | undefined;
  #pieces: Promise<readonly string[]> | undefined;
  #session: NativeSession | undefined;

  constructor(readTokenizer: () => Promise<ArrayBuffer>) {
    this.#readTokenizer = readTokenizer;
  }

  async open({ model, precision }: OpenModel): Promise<OpenedModel> {
    if (BUILT_IN_MODELS[model] !== CARD.model) {
      throw new ModelFailure(
        `Supabase has no embedding model but gte-small, and ${model} does not fit beside Python; ` +
          `use Session("gte-small"), or deploy the function elsewhere`,
      );
    }
    if ((precision ?? CARD.precision) !== CARD.precision) {
      throw new ModelFailure(
        `Supabase's own gte-small computes in ${CARD.precision}, not in ${precision}; ` +
          `leave the precision out`,
      );
    }
    this.#session ??= nativeSession();
    return { handle: HANDLE, card: CARD, tokenizerJson: await this.#tokenizerJson() };
  }

  async foresee(): Promise<void> {}

  async run({ tokenIds, lengths, output }: RunModel, signal: AbortSignal): Promise<Float32Array> {
    const { dimensions } = CARD;
    const pooled = output.startsWith("sentence_embedding");
    const rows = pooled ? 1 : Math.max(...lengths);
    const values = new Float32Array(lengths.length * rows * dimensions);
    const pieces = await (this.#pieces ??= this.#tokenizerJson().then(piecesOf));
    let begin = 0;
    for (const [index, length] of lengths.entries()) {
      signal.throwIfAborted();
      const text = textOf(tokenIds.subarray(begin, begin + length), pieces);
      const vector = await this.#vector(text, pooled, output === "sentence_embedding");
      const wanted = (pooled ? 1 : length) * dimensions;
      if (vector.length !== wanted) {
        throw new ModelFailure(
          `Supabase's own gte-small gave ${vector.length} numbers where ${wanted} belong`,
        );
      }
      values.set(vector, index * rows * dimensions);
      begin += length;
    }
    if (output === "token_embeddings") normalizeRows(values, dimensions);
    return values;
  }

  async encoder(): Promise<never> {
    throw new ModelFailure("core itself has the tokenizer of gte-small");
  }

  async dispose(): Promise<void> {}

  async #vector(text: string, mean_pool: boolean, normalize: boolean): Promise<readonly number[]> {
    try {
      return await (this.#session as NativeSession).run(text, { mean_pool, normalize });
    } catch (error) {
      throw new ModelFailure(`Supabase's own gte-small failed: ${messageOf(error)}`);
    }
  }

  #tokenizerJson(): Promise<Uint8Array> {
    return (this.#tokenizer ??= this.#readTokenizer().then((bytes) => new Uint8Array(bytes)));
  }
}

function nativeSession(): NativeSession {
  const { Supabase } = globalThis as SupabaseScope;
  const Session = Supabase?.ai?.Session;
  if (Session === undefined) {
    throw new ModelFailure("this runtime has no Supabase.ai.Session; run the function on Supabase");
  }
  return new Session(CARD.model);
}

/** The vocabulary, by id. */
function piecesOf(tokenizerJson: Uint8Array): readonly string[] {
  const { model } = JSON.parse(new TextDecoder().decode(tokenizerJson)) as {
    readonly model: { readonly vocab: Readonly<Record<string, number>> };
  };
  const pieces: string[] = [];
  for (const [piece, id] of Object.entries(model.vocab)) pieces[id] = piece;
  return pieces;
}

/** The text of those ids, without the tokens at both ends, which Supabase puts there itself. */
function textOf(ids: Int32Array, pieces: readonly string[]): string {
  let text = "";
  for (const id of ids.subarray(1, -1)) {
    const piece = pieces[id] as string;
    text += piece.startsWith("##") ? piece.slice(2) : ` ${piece}`;
  }
  return text.trimStart();
}

/** Supabase would normalise all rows as one vector. */
function normalizeRows(values: Float32Array, dimensions: number): void {
  for (let begin = 0; begin < values.length; begin += dimensions) {
    const row = values.subarray(begin, begin + dimensions);
    const length = Math.hypot(...row);
    if (length > 0) row.forEach((value, index) => (row[index] = value / length));
  }
}
