/** Errors: core's own, by their Python names. */

/** What core tells of an error. */
export interface ErrorFacts {
  readonly name: string;
  readonly message: string;
  readonly status?: number;
  readonly server_message?: string;
  readonly body?: string;
}

/**
 * An error that edgelet raises on purpose; its message is one sentence for a person.
 *
 * `name` is the kind, as in Python: `OptionError`, `TextTooLong`, `ModelError`,
 * `InferenceHostError` (with `status` and the server's own words in `server_message`),
 * `ProtocolError`, `ConnectionFailed`, `ConnectTimeout`, `FirstChunkTimeout`,
 * `BetweenChunksTimeout`, `TotalTimeout`. An aborted call throws its signal's `reason` instead, as
 * `fetch` does.
 */
export class EdgeletError extends Error {
  override readonly name: string;
  /** The HTTP status of an `InferenceHostError` (200 when the error came inside a stream). */
  declare readonly status?: number;
  /** The server's own words. */
  declare readonly server_message?: string;
  /** The start of the server's raw answer. */
  declare readonly body?: string;

  constructor(facts: ErrorFacts) {
    super(facts.message);
    this.name = facts.name;
    if (facts.status !== undefined) this.status = facts.status;
    if (facts.server_message !== undefined) this.server_message = facts.server_message;
    if (facts.body !== undefined) this.body = facts.body;
  }
}

/** The facts of any error, to be sent to another thread. */
export function factsOf(error: unknown): ErrorFacts {
  if (error instanceof EdgeletError) {
    const { name, message, status, server_message, body } = error;
    return {
      name,
      message,
      ...(status === undefined ? {} : { status }),
      ...(server_message === undefined ? {} : { server_message }),
      ...(body === undefined ? {} : { body }),
    };
  }
  return { name: "EdgeletError", message: messageOf(error) };
}

/** An error's message, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
