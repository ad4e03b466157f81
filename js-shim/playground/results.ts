/** What was found, nearest first, and what each text cost: the two lists of the page. */

import type { Collection, Embedded } from "./collection.js";
import { make } from "./dom.js";
import { count, duration, score as written } from "./figures.js";
import type { Match } from "./similarity.js";

/** List items, one a match: score, a bar of it, the text, and where the text stands. */
export function matchItems(matches: readonly Match[], collection: Collection): HTMLLIElement[] {
  return matches.map(({ index, score }) => {
    const line = collection.lines?.[index];
    const place = line === undefined ? `text ${count(index + 1)}` : `line ${count(line)}`;
    const bar = make("span", { class: "bar", "aria-hidden": "true" });
    bar.style.setProperty("--near", `${Math.round(Math.min(1, Math.max(0, score)) * 100)}%`);
    return make(
      "li",
      {},
      make("span", { class: "score" }, written(score)),
      make("p", {}, collection.texts[index] ?? ""),
      bar,
      make("span", { class: "place" }, place),
    );
  });
}

/** Table rows, one a text: its tokens beside the model's limit, whether it was cut, its time. */
export function costRows(
  texts: readonly string[],
  embedded: readonly (Embedded | undefined)[],
  maxTokens: number,
): HTMLTableRowElement[] {
  return texts.map((text, index) => {
    const known = embedded[index];
    const row = make("tr", {}, make("th", { scope: "row" }, make("span", { class: "label", title: text }, text)));
    if (known === undefined) {
      row.append(make("td", { class: "quiet", colspan: "3" }, "not embedded yet"));
      return row;
    }
    const share = Math.round((known.tokens / maxTokens) * 100);
    const meter = make("span", { class: "bar", "aria-hidden": "true" });
    meter.style.setProperty("--near", `${Math.max(1, share)}%`);
    row.append(
      make("td", { class: "tokens" }, make("span", {}, `${known.tokens} of ${maxTokens}`), meter),
      make("td", { class: known.cut ? "cut" : "quiet" }, known.cut ? "end cut off" : "whole"),
      make("td", { class: "figure" }, duration(known.milliseconds)),
    );
    return row;
  });
}
