/** What the page just did, as code to take along. */

import { find } from "./dom.js";
import type { Choice } from "./engine.js";
import { counted } from "./figures.js";

/** The same program in both languages. */
export interface Snippet {
  readonly python: string;
  readonly javascript: string;
}

const MOST_TEXTS = 12;

/** Ranks texts by their nearness to a query. */
export function searchSnippet({ model, precision }: Choice, texts: readonly string[], query: string): Snippet {
  const shown = texts.slice(0, MOST_TEXTS);
  const rest = texts.length - shown.length;
  const list = (indent: string, comment: string): string =>
    [
      ...shown.map((text) => `${indent}${literal(text)},`),
      ...(rest > 0 ? [`${indent}${comment} … and ${counted(rest, "more text")}`] : []),
    ].join("\n");
  return {
    python: `import asyncio

from edgelet import Session

TEXTS = [
${list("    ", "#")}
]
QUERY = ${literal(query)}


async def main():
    session = Session(${literal(model)}, precision=${literal(precision)})
    query, *vectors = await session.run([QUERY, *TEXTS])
    scores = [sum(a * b for a, b in zip(query, vector)) for vector in vectors]
    for score, text in sorted(zip(scores, TEXTS), reverse=True):
        print(f"{score:.2f}  {text}")


asyncio.run(main())
`,
    javascript: `import { Session } from "edgelet";

const texts = [
${list("  ", "//")}
];

const session = new Session(${literal(model)}, { precision: ${literal(precision)} });
const [query, ...vectors] = await session.run([${literal(query)}, ...texts]);

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const ranked = texts
  .map((text, i) => ({ text, score: dot(query, vectors[i]) }))
  .sort((a, b) => b.score - a.score);
for (const { score, text } of ranked) console.log(score.toFixed(2), text);
`,
  };
}

/** What a person asks a language model. The key itself never appears in code. */
export interface Question {
  readonly host: string;
  readonly model: string;
  readonly mode: "ollama" | "openaicompatible";
  readonly prompt: string;
  readonly withKey: boolean;
}

/** Streams an answer. */
export function answerSnippet({ host, model, mode, prompt, withKey }: Question): Snippet {
  const key = withKey
    ? { python: ', api_key=os.environ["LLM_KEY"]', javascript: ", api_key: process.env.LLM_KEY" }
    : { python: "", javascript: "" };
  return {
    python: `import asyncio
${withKey ? "import os\n" : ""}
from edgelet import Session


async def main():
    session = Session(${literal(model)}, host=${literal(host)}${key.python})
    stream = await session.generate(
        ${literal(prompt)}, mode=${literal(mode)}, stream=True
    )
    async with stream:
        async for chunk in stream:
            print(chunk.text, end="", flush=True)


asyncio.run(main())
`,
    javascript: `import { Session } from "edgelet";

const session = new Session(${literal(model)}, { host: ${literal(host)}${key.javascript} });
const stream = await session.generate(${literal(prompt)}, {
  mode: ${literal(mode)},
  stream: true,
});
for await (const chunk of stream) process.stdout.write(chunk.text);
`,
  };
}

/** A block of code with a choice of language and a button that copies it. */
export interface SnippetPanel {
  show(snippet: Snippet): void;
}

/** The panel below `<section id="NAME-code">`. */
export function createSnippetPanel(name: string): SnippetPanel {
  const section = find(`${name}-code`, HTMLElement);
  const code = find(`${name}-code-text`, HTMLElement);
  const copy = find(`${name}-code-copy`, HTMLButtonElement);
  let snippet: Snippet = { python: "", javascript: "" };
  const language = (): keyof Snippet =>
    section.querySelector<HTMLInputElement>("input:checked")?.value === "javascript" ? "javascript" : "python";
  const show = (): void => {
    code.textContent = snippet[language()];
  };
  section.addEventListener("change", show);
  copy.addEventListener("click", () => {
    navigator.clipboard.writeText(snippet[language()]).then(
      () => flash(copy, "Copied"),
      () => flash(copy, "The browser refused; select the code"),
    );
  });
  return {
    show(next) {
      snippet = next;
      show();
    },
  };
}

function flash(button: HTMLButtonElement, words: string): void {
  button.textContent = words;
  setTimeout(() => {
    button.textContent = "Copy";
  }, 2000);
}

/** A string as both languages write it. */
function literal(text: string): string {
  // JSON leaves these two as they are, and Python's lines would end at them in an editor.
  return JSON.stringify(text).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}
