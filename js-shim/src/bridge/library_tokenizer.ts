/** The tokenizers of @huggingface/tokenizers, for models that core has none of its own for. */

import { ModelFailure } from "./bridge.js";
import { reasonOf } from "./files.js";

/**
 * A function that turns a text into ids, with special tokens and without truncation, by the rules
 * in `tokenizer.json`. `where` names the model in errors. Throws `ModelFailure` when the library
 * does not understand the rules.
 */
export async function libraryTokenizer(
  tokenizerJson: Uint8Array,
  where: string,
): Promise<(text: string) => Int32Array> {
  try {
    const { Tokenizer } = await import("@huggingface/tokenizers");
    const rules = JSON.parse(new TextDecoder().decode(tokenizerJson)) as object;
    const tokenizer = new Tokenizer(rules, {});
    return (text) => Int32Array.from(tokenizer.encode(text).ids);
  } catch (error) {
    throw new ModelFailure(`the tokenizer of the model in ${where} fails: ${reasonOf(error)}`);
  }
}
