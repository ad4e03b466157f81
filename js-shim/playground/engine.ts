/** The runtime in use: one at a time, made anew when the last one failed. */

import type { Session } from "edgelet";

import type { Progress } from "../src/types.js";

type Library = typeof import("edgelet");
type Runtime = ReturnType<Library["createRuntime"]>;

/** A model in a precision, as the folder of models has it. */
export interface Choice {
  readonly model: string;
  readonly precision: "fp32" | "q8" | "int8";
}

/** What the page starts with. */
export const DEFAULT_CHOICE: Choice = { model: "all-MiniLM-L6-v2", precision: "int8" };

/** A session whose model has embedded once. */
export interface Opened {
  readonly session: Session;
  /** Longer texts are cut at so many tokens. */
  readonly maxTokens: number;
}

/** Sessions for the page's rooms. */
export interface Engine {
  /** Open a model, and give back the memory of the one before; resolves once it has embedded. */
  open(choice: Choice): Promise<Opened>;
  /** A session with a language model at an inference host, to be disposed of after its answer. */
  ask(model: string, host: string, apiKey: string | undefined): Promise<Session>;
}

/** An engine; `onProgress` hears of every file of a model that is loaded. */
export function createEngine(onProgress: (progress: Progress) => void): Engine {
  let runtime: Promise<{ library: Library; runtime: Runtime }> | undefined;
  let opened: Session | undefined;

  function start(): NonNullable<typeof runtime> {
    runtime ??= import("edgelet").then((library) => ({
      library,
      runtime: library.createRuntime({ onProgress }),
    }));
    return runtime;
  }

  async function stop(): Promise<void> {
    const failed = await runtime?.catch(() => undefined);
    runtime = undefined;
    opened = undefined;
    await failed?.runtime.dispose();
  }

  return {
    async open({ model, precision }) {
      try {
        const { library, runtime } = await start();
        await opened?.dispose();
        opened = undefined;
        const session = new library.Session(model, { precision, runtime });
        // The first run of a model compiles it; a person's first sentence should not wait for that.
        const { card } = await session.embed(["ready"], { timeout: null });
        opened = session;
        return { session, maxTokens: card.max_tokens };
      } catch (error) {
        await stop();
        throw error;
      }
    },
    async ask(model, host, apiKey) {
      const { library, runtime } = await start();
      const key = apiKey === undefined ? {} : { api_key: apiKey };
      return new library.Session(model, { host, ...key, runtime });
    },
  };
}

/**
 * What the folder of models has, by the list that lies in it; the default alone where there is no
 * list.
 */
export async function availableChoices(): Promise<Choice[]> {
  const list = await fetch("../assets/models/index.json")
    .then((response): Promise<unknown> => response.json())
    .catch(() => undefined);
  const choices: Choice[] = [];
  if (typeof list === "object" && list !== null) {
    for (const [model, precisions] of Object.entries(list)) {
      for (const precision of ["int8", "q8", "fp32"] as const) {
        if (Array.isArray(precisions) && precisions.includes(precision)) choices.push({ model, precision });
      }
    }
  }
  return choices.length > 0 ? choices : [DEFAULT_CHOICE];
}
