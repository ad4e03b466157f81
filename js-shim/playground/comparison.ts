/** The section that sets texts side by side: the heatmap, and what each text cost. */

import { embeddedTexts, type Collection } from "./collection.js";
import { find, make } from "./dom.js";
import { count, counted, duration, score } from "./figures.js";
import { heatmap, MOST_TEXTS } from "./heatmap.js";
import { costRows } from "./results.js";
import { groupedOrder, similarities } from "./similarity.js";

/** The section. */
export interface Comparison {
  /** Show a collection; what is not embedded yet is left out of the heatmap. */
  show(collection: Collection, maxTokens: number): void;
}

/** Make the section work. */
export function createComparison(): Comparison {
  const grouped = find("grouped", HTMLInputElement);
  const place = find("heatmap", HTMLElement);
  const pair = find("pair", HTMLElement);
  const rows = find("costs", HTMLTableSectionElement);
  const sum = find("cost-sum", HTMLElement);
  let shown: Collection | undefined;
  grouped.addEventListener("change", draw);

  function draw(): void {
    const { texts = [] } = shown ?? {};
    const vectors = shown === undefined ? [] : embeddedTexts(shown).flatMap((each) => each?.vector ?? []);
    const compared = texts.length === vectors.length ? texts.length : 0;
    grouped.disabled = compared < 3 || compared > MOST_TEXTS;
    pair.textContent = "Point at a cell, or walk with the arrow keys.";
    place.style.setProperty("--texts", String(texts.length > MOST_TEXTS ? 2 : texts.length));
    if (compared < 2 || compared > MOST_TEXTS) {
      pair.textContent = "";
      place.replaceChildren(emptyHeatmap(texts.length, vectors.length));
      return;
    }
    const matrix = similarities(vectors);
    const order = grouped.checked ? groupedOrder(matrix) : texts.map((_, index) => index);
    place.replaceChildren(
      heatmap(texts, matrix, order, (row, column) => {
        pair.textContent = `${score(matrix[row]?.[column] ?? 0)}: “${texts[row]}” and “${texts[column]}”`;
      }),
    );
  }

  return {
    show(collection, maxTokens) {
      shown = collection;
      draw();
      const embedded = embeddedTexts(collection);
      rows.replaceChildren(
        ...costRows(collection.texts.slice(0, MOST_TEXTS), embedded.slice(0, MOST_TEXTS), maxTokens),
      );
      sum.textContent = costSentence(collection, maxTokens);
    },
  };
}

function emptyHeatmap(texts: number, embedded: number): HTMLParagraphElement {
  let words = "Two texts or more are set side by side here.";
  if (texts > MOST_TEXTS) {
    const cells = count(texts * texts);
    words = `${count(texts)} texts would make ${cells} cells; it is drawn for up to ${MOST_TEXTS} texts.`;
  } else if (embedded < texts) {
    words = "It is drawn as soon as all texts are embedded.";
  }
  return make("p", { class: "quiet" }, words);
}

function costSentence(collection: Collection, maxTokens: number): string {
  const embedded = embeddedTexts(collection).filter((each) => each !== undefined);
  const tokens = embedded.reduce((total, each) => total + each.tokens, 0);
  const milliseconds = embedded.reduce((total, each) => total + each.milliseconds, 0);
  const cut = embedded.filter((each) => each.cut).length;
  if (embedded.length === 0) return "What each text takes, once it is embedded.";
  const hidden = collection.texts.length - MOST_TEXTS;
  return [
    `${counted(embedded.length, "text")} with ${counted(tokens, "token")} took ${duration(milliseconds)}.`,
    cut === 0 ? "None was cut." : `${count(cut)} ${cut === 1 ? "was" : "were"} cut at ${maxTokens} tokens.`,
    ...(hidden > 0 ? [`The first ${MOST_TEXTS} are listed.`] : []),
  ].join(" ");
}
