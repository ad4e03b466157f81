/**
 * The card of a model artefact, `edgelet.json`: the facts of the model and of its files.
 *
 * A card may come from any server, so nothing in it is believed before it is checked.
 */

import type { ModelCard, Precision } from "../types.js";
import { ModelFailure } from "./bridge.js";

/** What a JavaScript host computes in unless it is told: the fastest one. */
export const DEFAULT_PRECISION: Precision = "int8";

/** The size in bytes and the SHA-256 (hexadecimal) that a file must have. */
export interface FileFacts {
  readonly size: number;
  readonly sha256: string;
}

/** The name of a card within the folder of its artefact. */
export const CARD = "edgelet.json";

/** The files of an artefact beside its card: what each is for, and its name. */
export const FILES = {
  graph: "model.onnx",
  weights: "model.onnx.data",
  tokenizer: "tokenizer.json",
} as const;

/** A card that was checked. */
export interface ArtefactCard {
  readonly facts: ModelCard;
  readonly files: Readonly<Record<keyof typeof FILES, FileFacts>>;
  /** Whether the graph was written with fused operators, so that nothing is left to optimise. */
  readonly fused: boolean;
}

/** More than any card needs. */
export const LARGEST_CARD = 256 * 1024;

const FORMAT = 1;
const LARGEST_FILE = 4 * 1024 ** 3;
const PRECISIONS: readonly unknown[] = ["fp32", "q8", "int8"] satisfies Precision[];
const POOLINGS: readonly unknown[] = ["mean", "cls"] satisfies ModelCard["pooling"][];

/**
 * The card in those bytes; `where` names its file in errors. Throws `ModelFailure` when they hold
 * no card, a damaged one, or one of another format.
 */
export function readCard(bytes: Uint8Array, where: string): ArtefactCard {
  const card = objectIn(bytes);
  if (card === undefined) {
    throw new ModelFailure(
      `${where} is not the card of a model: it holds no JSON object; ` +
        `serve the folder that "edgelet models export" wrote`,
    );
  }
  if (card["format"] !== FORMAT) {
    throw new ModelFailure(
      `${where} has format ${JSON.stringify(card["format"])}, but this version of edgelet reads ` +
        `format ${FORMAT}; export the model again`,
    );
  }
  const facts = factsOf(card);
  const files = filesOf(card["files"]);
  if (facts === undefined || files === undefined) {
    throw new ModelFailure(`the card ${where} is damaged; export the model again`);
  }
  return { facts, files, fused: isObject(card["source"]) && FUSED_SOURCE in card["source"] };
}

/** The builder writes the graph itself where it has a model's weights; else it wraps an export. */
const FUSED_SOURCE = "model.safetensors";

type Unchecked = Readonly<Record<string, unknown>>;

function objectIn(bytes: Uint8Array): Unchecked | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function factsOf(card: Unchecked): ModelCard | undefined {
  const { model, precision, dimensions, max_tokens, positions, pooling } = card;
  const sound =
    typeof model === "string" &&
    PRECISIONS.includes(precision) &&
    POOLINGS.includes(pooling) &&
    isCount(dimensions) &&
    isCount(positions) &&
    isCount(max_tokens) &&
    max_tokens <= positions;
  if (!sound) return undefined;
  return { model, precision, dimensions, max_tokens, positions, pooling } as ModelCard;
}

function filesOf(files: unknown): ArtefactCard["files"] | undefined {
  if (!isObject(files)) return undefined;
  const entries = Object.entries(FILES).map(([use, name]) => [use, fileFacts(files[name])]);
  if (entries.some(([, facts]) => facts === undefined)) return undefined;
  return Object.fromEntries(entries) as ArtefactCard["files"];
}

function fileFacts(file: unknown): FileFacts | undefined {
  if (!isObject(file)) return undefined;
  const { size, sha256 } = file;
  if (!isCount(size) || size > LARGEST_FILE) return undefined;
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) return undefined;
  return { size, sha256 };
}

function isObject(value: unknown): value is Unchecked {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
