/** `globalThis.Supabase.ai`, with the types of Supabase's `edge-runtime.d.ts`. */

import type { RuntimeSession } from "./session.js";

declare global {
  /** Supabase's AI API. */
  namespace Supabase {
    namespace ai {
      interface ModelOptions {
        /** Pool embeddings by taking their mean. */
        mean_pool?: boolean;
        /** Normalise the vectors. */
        normalize?: boolean;
        /** Stream the answer of a language model (default: false). */
        stream?: boolean;
        /** Give the call up after so many seconds (default: 60). */
        timeout?: number;
        /** What the inference host speaks (default: "ollama"). */
        mode?: "ollama" | "openaicompatible";
        signal?: AbortSignal;
      }

      class Session {
        /** Create a new model session using the given model. */
        constructor(model: string);
        /**
         * Execute the given prompt in the model session.
         *
         * Supabase declares the result `unknown`, which its own documented code could not use.
         */
        run(
          prompt: string | object,
          modelOptions: ModelOptions & { stream: true },
        ): Promise<AsyncIterable<any>>;
        run(prompt: string | object, modelOptions?: ModelOptions): Promise<any>;
      }
    }
  }
}

/** Put `Supabase.ai.Session` in place; what else a `Supabase` global holds is kept. */
export function provideSupabase(Session: new (model: string) => RuntimeSession): void {
  const scope = globalThis as { Supabase?: Record<string, unknown> };
  const before = scope.Supabase ?? {};
  scope.Supabase = { ...before, ai: { ...(before["ai"] as object | undefined), Session } };
}
