import { describe, expect, it } from "vitest";
import { together } from "../../../src/local/together.ts";

/** Work that ends a while after its signal is aborted, as a compiler does. */
async function untilAborted(signal: AbortSignal, ended: () => void): Promise<string> {
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  await new Promise((resolve) => setTimeout(resolve, 30));
  ended();
  throw new Error("stopped");
}

describe("work that is done together", () => {
  it("answers what each piece answers", async () => {
    const { signal } = new AbortController();
    expect(await together<[number, string]>(signal, () => [Promise.resolve(1), Promise.resolve("two")])).toEqual([
      1,
      "two",
    ]);
  });

  it("stops all of it when a piece fails, and tells that failure once everything has ended", async () => {
    let ended = false;
    const { signal } = new AbortController();
    const work = together<[string, string]>(signal, (inner) => [
      untilAborted(inner, () => {
        ended = true;
      }),
      Promise.reject(new Error("no Go")),
    ]);
    await expect(work).rejects.toThrow("no Go");
    expect(ended).toBe(true);
  });

  it("tells the reason of the signal that stopped it", async () => {
    const controller = new AbortController();
    const work = together<[string]>(controller.signal, (inner) => [untilAborted(inner, () => {})]);
    controller.abort(new Error("Ctrl-C"));
    await expect(work).rejects.toThrow("Ctrl-C");
  });
});
