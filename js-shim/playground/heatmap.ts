/**
 * The similarity of every text to every other, as a table that can be read, heard and walked with
 * the arrow keys (the grid pattern of ARIA: one cell is in the tab order, and it moves).
 */

import { make } from "./dom.js";
import { score as written } from "./figures.js";

/** More texts than this would be more cells than anyone reads. */
export const MOST_TEXTS = 40;

/** From here on a cell's text has the other colour; `style.css` says why here. */
const HOT = 0.71;

/** A table with a row and a column for each text; `onCell` hears of the pair under the pointer or focus. */
export function heatmap(
  texts: readonly string[],
  matrix: readonly (readonly number[])[],
  order: readonly number[],
  onCell: (row: number, column: number) => void,
): HTMLTableElement {
  const table = make("table", { class: "heatmap", role: "grid", "aria-labelledby": "alike-title" });
  const corner = make("td", {});
  const heads = order.map((index) => make("th", { scope: "col" }, String(index + 1)));
  table.append(make("thead", {}, make("tr", {}, corner, ...heads)));
  const body = make("tbody", {});
  for (const row of order) {
    const text = texts[row] ?? "";
    const label = make("span", { class: "label", title: text }, text);
    const head = make("th", { scope: "row" }, make("span", { class: "number" }, String(row + 1)), label);
    body.append(make("tr", {}, head, ...order.map((column) => cell(row, column, matrix[row]?.[column] ?? 0))));
  }
  table.append(body);
  body.querySelector("td")?.setAttribute("tabindex", "0");

  const tell = (event: Event): void => {
    const at = event.target instanceof Element ? event.target.closest("td") : null;
    if (at !== null) onCell(Number(at.dataset["row"]), Number(at.dataset["column"]));
  };
  body.addEventListener("pointerover", tell);
  body.addEventListener("focusin", tell);
  body.addEventListener("keydown", (event) => walk(body, event));
  return table;
}

function cell(row: number, column: number, score: number): HTMLTableCellElement {
  // Unrelated texts lie about 0, related ones seldom over 0.7: the power spreads what is between.
  const heat = Math.min(1, Math.max(0, score)) ** 0.75;
  const words = written(score);
  const element = make(
    "td",
    {
      tabindex: "-1",
      "data-row": String(row),
      "data-column": String(column),
      "aria-label": `${row + 1} and ${column + 1}: ${words}`,
    },
    // `.54` and `1`: a column of zeros would only make the cells wider.
    words === "1.00" ? "1" : words.replace("0.", "."),
  );
  element.style.setProperty("--near", `${(heat * 100).toFixed(1)}%`);
  if (heat >= HOT) element.classList.add("near");
  return element;
}

function walk(body: HTMLElement, event: KeyboardEvent): void {
  const at = event.target instanceof HTMLTableCellElement ? event.target : null;
  const rows = Array.from(body.querySelectorAll("tr"), (row) => Array.from(row.querySelectorAll("td")));
  const y = rows.findIndex((row) => at !== null && row.includes(at));
  if (at === null || y < 0) return;
  const x = rows[y]?.indexOf(at) ?? 0;
  const last = rows.length - 1;
  const targets: Readonly<Record<string, readonly [number, number]>> = {
    ArrowLeft: [y, x - 1],
    ArrowRight: [y, x + 1],
    ArrowUp: [y - 1, x],
    ArrowDown: [y + 1, x],
    Home: event.ctrlKey ? [0, 0] : [y, 0],
    End: event.ctrlKey ? [last, last] : [y, last],
  };
  const [row, column] = targets[event.key] ?? [-1, -1];
  const next = rows[row]?.[column];
  if (event.key in targets) event.preventDefault();
  if (next === undefined) return;
  at.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}
