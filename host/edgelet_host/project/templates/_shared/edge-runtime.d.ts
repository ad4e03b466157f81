// What functions find in place beside what Deno has: editors and `deno check` read their types here.

/** Supabase's AI API. */
declare namespace Supabase {
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

/** The process that runs the function. */
declare namespace EdgeRuntime {
  /** Keep the process until `promise` is settled, though the response was sent long before. */
  function waitUntil<T>(promise: Promise<T>): Promise<T>;
}
