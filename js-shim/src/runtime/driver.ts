/**
 * The JavaScript driver: steps core's generators and performs their effects on a `Bridge`.
 *
 * The twin of `edgelet.drive`. It carries answers in and failures back, and decides nothing.
 */

import { type Bridge, ModelFailure, type Output, TransportFailure } from "../bridge/bridge.js";
import { EdgeletError, type ErrorFacts, messageOf } from "../errors.js";
import type { Precision } from "../types.js";
import type { Calls, Step } from "./python.js";
import { clock, DeadlinePassed, SignalFired, waiting } from "./waiting.js";

/** What a call came to: the rest of its `done` step. */
export type Done = readonly unknown[];

/**
 * Drive a call to its end. Throws `EdgeletError`, or the reason of `signal` if that fired.
 *
 * Effects that need no wait are answered without one.
 */
export async function drive(
  calls: Calls,
  bridge: Bridge,
  call: number,
  signal?: AbortSignal,
): Promise<Done> {
  let ended = false;
  let fired: SignalFired | undefined;
  try {
    let step = calls.advance(call);
    for (;;) {
      const [kind, ...rest] = step;
      if (kind === "done" || kind === "failed") {
        ended = true;
        if (kind === "done") return rest;
        if (fired !== undefined) throw fired.reason;
        throw new EdgeletError(JSON.parse(rest[0] as string) as ErrorFacts);
      }
      try {
        const answer = perform(bridge, step, signal);
        step = calls.advance(call, answer instanceof Promise ? await answer : answer);
      } catch (error) {
        if (error instanceof SignalFired) fired = error;
        step = failed(calls, call, error);
      }
    }
  } finally {
    if (!ended) calls.give_up(call);
  }
}

/** Throw what went wrong with an effect into the call. Bugs are thrown on. */
function failed(calls: Calls, call: number, error: unknown): Step {
  const now = clock();
  if (error instanceof DeadlinePassed) return calls.fail(call, "deadline", "", error.at);
  if (error instanceof SignalFired) return calls.fail(call, "aborted", messageOf(error.reason), now);
  if (error instanceof ModelFailure) return calls.fail(call, "model", error.message, now);
  if (error instanceof TransportFailure) return calls.fail(call, error.phase, error.message, now);
  throw error;
}

function perform(
  bridge: Bridge,
  step: Step,
  signal: AbortSignal | undefined,
): unknown {
  switch (step[0]) {
    case "env":
      return bridge.env(step[1] as string);
    case "open_model": {
      const [, model, precision, deadline] = step as [string, string, Precision?, number?];
      return opened(bridge, model, precision ?? null, deadline, signal);
    }
    case "encoder":
      return waiting(() => bridge.encoder(step[1] as number), undefined, signal);
    case "run_model": {
      const [, handle, tokenIds, lengths, output, alone, deadline] = step as [
        string, number, Int32Array, Int32Array, Output, boolean, number?,
      ];
      const batch = { handle, tokenIds, lengths, output, alone };
      return waiting((left) => bridge.runModel(batch, left), deadline, signal);
    }
    case "send":
      return sent(bridge, step, signal);
    case "receive": {
      const [, response, within, deadline] = step as [string, number, number?, number?];
      return waiting((left) => bridge.receive(response, left), earliest(within, deadline), signal);
    }
    case "close":
      bridge.close(step[1] as number);
      return undefined;
  }
  throw new TypeError(`core asked for an unknown effect: ${step[0]}`);
}

async function opened(
  bridge: Bridge,
  model: string,
  precision: Precision | null,
  deadline: number | undefined,
  signal: AbortSignal | undefined,
): Promise<[number, string, Uint8Array]> {
  const effect = { model, precision };
  const answer = await waiting((left) => bridge.openModel(effect, left), deadline, signal);
  return [answer.handle, JSON.stringify(answer.card), answer.tokenizerJson];
}

async function sent(
  bridge: Bridge,
  step: Step,
  signal: AbortSignal | undefined,
): Promise<[number, number, string, number]> {
  const [, method, url, headers, body, deadline, notBefore] = step as [
    string, string, string, string, Uint8Array<ArrayBuffer>, number?, number?,
  ];
  if (notBefore !== undefined) await pause(notBefore, deadline, signal);
  const request = {
    method,
    url,
    headers: JSON.parse(headers) as Record<string, string>,
    body,
  };
  const head = await waiting((left) => bridge.send(request, left), deadline, signal);
  return [head.response, head.status, JSON.stringify(head.headers), clock()];
}

async function pause(
  until: number,
  deadline: number | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const milliseconds = Math.max((until - clock()) * 1000, 0);
  const timer = (left: AbortSignal): Promise<void> =>
    new Promise((done) => {
      const pending = setTimeout(done, milliseconds);
      left.addEventListener("abort", () => clearTimeout(pending), { once: true });
    });
  await waiting(timer, deadline, signal);
}

function earliest(within: number | undefined, deadline: number | undefined): number | undefined {
  if (within === undefined) return deadline;
  const silence = clock() + within;
  return deadline === undefined ? silence : Math.min(silence, deadline);
}
