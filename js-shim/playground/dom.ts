/** The two things that every room does with the document: find what is there, make what is not. */

/**
 * The element with an id, of the class that the caller relies on.
 *
 * @throws Error when the page has no such element: `index.html` and the code have parted.
 */
export function find<T extends HTMLElement>(id: string, type: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`index.html has no ${type.name} with id "${id}"`);
  return element;
}

/**
 * A new element with attributes and children; strings become text, never markup.
 *
 * @example make("p", { class: "quiet" }, "12 texts, ", make("b", {}, "86 ms"))
 */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>>,
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A function that runs `action` once the calls to it have paused for so many milliseconds. */
export function afterPause(milliseconds: number, action: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, milliseconds);
  };
}
