import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { SharedWork, Turns } from "../../../js-shim/src/bridge/shared_work.js";
import { never } from "./material.js";

/** Work that a test ends by hand. */
function handmade(): {
  work: SharedWork<string>;
  end: (value: string) => void;
  fail: (error: Error) => void;
  signal: () => AbortSignal;
} {
  let [end, fail, signal]: unknown[] = [];
  const work = new SharedWork<string>((given) => {
    signal = given;
    return new Promise((resolve, reject) => ([end, fail] = [resolve, reject]));
  });
  return {
    work,
    end: end as (value: string) => void,
    fail: fail as (error: Error) => void,
    signal: () => signal as AbortSignal,
  };
}

describe("shared work", () => {
  test("all who join get the one result", async () => {
    const { work, end } = handmade();
    const joined = [work.join(never()), work.join(never())];
    end("done");
    assert.deepEqual(await Promise.all(joined), ["done", "done"]);
    assert.equal(await work.join(never()), "done");
  });

  test("one who leaves does not stop it for the others", async () => {
    const { work, end, signal } = handmade();
    const leaving = new AbortController();
    const left = work.join(leaving.signal);
    const stays = work.join(never());
    leaving.abort(new Error("left"));
    await assert.rejects(left, /left/);
    assert.equal(signal().aborted, false);
    end("done");
    assert.equal(await stays, "done");
  });

  test("when the last one leaves it is aborted, and of no use any more", async () => {
    const { work, signal } = handmade();
    const leaving = new AbortController();
    const left = work.join(leaving.signal);
    leaving.abort(new Error("left"));
    await assert.rejects(left, /left/);
    assert.match(String(signal().reason), /left/);
    assert.equal(work.useless, true);
  });

  test("a failure reaches all who wait, and is of no use to the next", async () => {
    const { work, fail } = handmade();
    const joined = [work.join(never()), work.join(never())];
    fail(new Error("broken"));
    for (const each of joined) await assert.rejects(each, /broken/);
    assert.equal(work.useless, true);
  });

  test("a failure that nobody joined is kept for the next, and for no one after", async () => {
    const { work, fail } = handmade();
    const supported = work.support(never());
    fail(new Error("broken"));
    await supported;
    assert.deepEqual([work.failed, work.useless], [true, false]);
    await assert.rejects(work.join(never()), /broken/);
    assert.equal(work.useless, true);
  });

  test("support keeps it going until it is withdrawn", async () => {
    const { work, signal } = handmade();
    const [supporting, leaving] = [new AbortController(), new AbortController()];
    const supported = work.support(supporting.signal);
    const left = work.join(leaving.signal);
    leaving.abort(new Error("left"));
    await assert.rejects(left, /left/);
    assert.equal(signal().aborted, false);
    supporting.abort();
    await supported;
    assert.equal(signal().aborted, true);
  });

  test("to leave after its end does nothing", async () => {
    const { work, end, signal } = handmade();
    const leaving = new AbortController();
    end("done");
    assert.equal(await work.join(leaving.signal), "done");
    leaving.abort();
    assert.equal(signal().aborted, false);
  });
});

describe("turns", () => {
  test("work is done in order, one piece at a time, also after a failure", async () => {
    const turns = new Turns();
    const seen: string[] = [];
    const step = (name: string, fails = false) => async (): Promise<string> => {
      seen.push(`${name} begins`);
      await Promise.resolve();
      seen.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    };
    const [first, second] = [turns.take(step("a", true)), turns.take(step("b"))];
    await assert.rejects(first, /a/);
    assert.equal(await second, "b");
    assert.deepEqual(seen, ["a begins", "a ends", "b begins", "b ends"]);
  });

  test("who leaves before the turn comes never begins", async () => {
    const turns = new Turns();
    let end: () => void = () => undefined;
    const first = turns.take(() => new Promise<void>((resolve) => (end = resolve)));
    const leaving = new AbortController();
    let begun = false;
    const second = turns.take(async () => void (begun = true), leaving.signal);
    leaving.abort(new Error("left"));
    await assert.rejects(second, /left/);
    end();
    await first;
    await turns.take(async () => undefined);
    assert.equal(begun, false);
  });
});
