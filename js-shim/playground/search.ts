/** The search field: ranks the texts of a collection while a person types. */

import type { Session } from "edgelet";

import { embeddedTexts, type Collection } from "./collection.js";
import { afterPause, find } from "./dom.js";
import { count, counted, duration } from "./figures.js";
import { matchItems } from "./results.js";
import { nearest } from "./similarity.js";

const MOST_RESULTS = 8;

/** The search field and its results. */
export interface Search {
  /** What is asked for. */
  query(): string;
  /** Rank again: there are other texts, or more of them are embedded, or another model. */
  refresh(session: Session, collection: Collection): void;
}

/** The field; `onQuery` hears of every change of what is asked, `onError` of what went wrong. */
export function createSearch(onQuery: () => void, onError: (error: unknown) => void): Search {
  const field = find("query", HTMLInputElement);
  const list = find("results", HTMLOListElement);
  const status = find("search-status", HTMLElement);
  let searched: { session: Session; collection: Collection } | undefined;
  let asked: { session: Session; text: string; vector: Float32Array } | undefined;
  let asking = new AbortController();

  field.addEventListener("input", onQuery);
  field.addEventListener("input", afterPause(120, rank));

  function rank(): void {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    if (searched === undefined) return;
    show(searched.session, searched.collection, signal).catch((error: unknown) => {
      if (!signal.aborted) onError(error);
    });
  }

  async function show(session: Session, collection: Collection, signal: AbortSignal): Promise<void> {
    const text = field.value.trim();
    if (text === "") {
      list.replaceChildren();
      status.textContent = `Ask something: ${counted(collection.texts.length, "text")} to search.`;
      return;
    }
    const begun = performance.now();
    if (asked?.text !== text || asked.session !== session) {
      const { vectors } = await session.embed([text], { signal });
      asked = { session, text, vector: vectors[0] ?? new Float32Array() };
    }
    const vectors = embeddedTexts(collection).map((embedded) => embedded?.vector);
    const matches = nearest(asked.vector, vectors, MOST_RESULTS);
    list.replaceChildren(...matchItems(matches, collection));
    const known = vectors.filter((vector) => vector !== undefined).length;
    const scope =
      known < vectors.length ? `${count(known)} of ${counted(vectors.length, "text")} so far` : counted(known, "text");
    status.textContent = `The nearest of ${scope}, in ${duration(performance.now() - begun)}.`;
  }

  return {
    query: () => field.value.trim(),
    refresh(session, collection) {
      searched = { session, collection };
      rank();
    },
  };
}
