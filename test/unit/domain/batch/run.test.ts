import { describe, expect, it } from "vitest";
import type { AnswerLine } from "../../../../src/domain/batch/answerLine.ts";
import type { Heard } from "../../../../src/domain/batch/heard.ts";
import { type BatchLine, BatchRun, type BatchSettings } from "../../../../src/domain/batch/run.ts";

const ok: Heard = { kind: "answer", response: { status: 200, requestId: "r", body: { json: "{}" } } };
const status = (code: number, retryAfterMs?: number): Heard => ({
  kind: "answer",
  response: { status: code, requestId: "r", body: { json: "{}" } },
  retryAfterMs,
});
const gone: Heard = { kind: "refused", reason: "connect ECONNREFUSED" };

interface Server {
  /** What comes of a body that is sent for the so-manieth time, at a time. */
  readonly hears: (body: string, time: number, now: number) => Heard | Promise<Heard>;
  readonly settings?: Partial<BatchSettings>;
  readonly lines?: number;
  readonly write?: (answer: AnswerLine) => Promise<void>;
}

/** A batch of lines `1`, `2`, … on a clock that only waiting moves. */
function batch({ hears, settings, lines = 10, write }: Server) {
  const answers: AnswerLine[] = [];
  const sent: string[] = [];
  const times = new Map<string, number>();
  const stopped = new AbortController();
  const waits: number[] = [];
  let [now, atOnce, mostAtOnce] = [0, 0, 0];
  const run = new BatchRun({
    model: "iris",
    format: "bodies",
    path: undefined,
    urlOf: () => "http://model/predict",
    async ask(_, body) {
      sent.push(body);
      times.set(body, (times.get(body) ?? 0) + 1);
      atOnce += 1;
      mostAtOnce = Math.max(mostAtOnce, atOnce);
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
      const heard = await hears(body, times.get(body) ?? 0, now);
      atOnce -= 1;
      return heard;
    },
    async write(answer) {
      await write?.(answer);
      answers.push(answer);
    },
    now: () => now,
    async wait(milliseconds, signal) {
      const until = now + milliseconds;
      waits.push(until);
      do {
        for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
        // Time goes on where nothing else does, to what comes next.
      } while (!signal.aborted && Math.min(...waits) < until);
      if (!signal.aborted) now = Math.max(now, until);
      waits.splice(waits.indexOf(until), 1);
    },
    settings: { concurrency: 4, tries: 3, patienceMs: 600_000, retryAll: false, ...settings },
    signal: stopped.signal,
  });
  async function* numbered(): AsyncGenerator<BatchLine> {
    for (let number = 1; number <= lines; number += 1) {
      yield { number, sha256: "0".repeat(64), content: { text: String(number) } };
    }
  }
  return {
    run: () => run.run(numbered()),
    counts: () => run.counts,
    waits: () => run.waits,
    atOnce: () => mostAtOnce,
    stop: () => stopped.abort(),
    answers,
    sent,
    now: () => now,
    answered: () => answers.map(({ line }) => line).sort((a, b) => a - b),
  };
}

const all = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe("a batch", () => {
  it("answers each line once, and sends no more at once than it may", async () => {
    const { run, answered, atOnce, counts, sent } = batch({ hears: () => ok, lines: 1_000 });
    await run();
    expect(answered()).toEqual(all(1_000));
    expect(atOnce()).toBe(4);
    expect(sent).toHaveLength(1_000);
    expect(counts()).toEqual({ answered: 1_000, failed: 0, sent: 1_000 });
  });

  it("of no lines is done at once", async () => {
    const { run, counts } = batch({ hears: () => ok, lines: 0 });
    await run();
    expect(counts()).toEqual({ answered: 0, failed: 0, sent: 0 });
  });

  it("waits as long as a 429 says, and then sends that line again", async () => {
    const { run, answered, counts, now } = batch({
      hears: (body, time) => (body === "5" && time === 1 ? status(429, 7_000) : ok),
    });
    await run();
    expect(answered()).toEqual(all(10));
    expect(counts()).toEqual({ answered: 10, failed: 0, sent: 11 });
    expect(now()).toBe(7_000);
  });

  it("gives a line up that is refused again and again while others are answered, and its answer is that", async () => {
    const { run, answers, answered, counts } = batch({ hears: (body) => (body === "3" ? status(503) : ok) });
    await run();
    expect(answered()).toEqual(all(10));
    expect(answers.find(({ line }) => line === 3)).toMatchObject({
      response: { status: 503 },
      error: { code: "http_503", message: "HTTP 503: {} (sent 3 times)" },
    });
    expect(counts()).toEqual({ answered: 10, failed: 1, sent: 12 });
  });

  it("waits for a target that is gone for minutes, and gives no line up for it", async () => {
    const { run, answered, counts, now } = batch({ hears: (_, __, time) => (time < 300_000 ? gone : ok) });
    await run();
    expect(answered()).toEqual(all(10));
    expect(counts().failed).toBe(0);
    expect(now()).toBeLessThan(300_000 + 30_000);
  });

  it("asks a target that is gone less and less often", async () => {
    const { run, sent } = batch({ hears: (_, __, time) => (time < 300_000 ? gone : ok) });
    await run();
    // Half a second, one, two, four … half a minute; of four at once in the beginning.
    expect(sent.length).toBeLessThan(10 + 4 * 16);
  });

  it("ends where nothing is answered for longer than its patience, and answers no line by that", async () => {
    const { run, answers, now } = batch({ hears: () => gone, settings: { patienceMs: 120_000 } });
    await expect(run()).rejects.toThrow("http://model/predict has answered nothing for");
    expect(answers).toEqual([]);
    expect(now()).toBeLessThanOrEqual(120_000);
  });

  it("ends where it is told to wait for longer than its patience", async () => {
    const { run, answered } = batch({
      hears: (body) => (Number(body) > 4 ? status(429, 3_600_000) : ok),
      settings: { concurrency: 1 },
    });
    await expect(run()).rejects.toThrow(
      "answers HTTP 429 and asks to wait for 60 min; run the same command again after that; 4 lines",
    );
    expect(answered()).toEqual([1, 2, 3, 4]);
  });

  it("ends at once where the key is refused", async () => {
    const message = "the API key is wrong or revoked";
    const refused: Heard = {
      kind: "answer",
      response: {
        status: 401,
        requestId: null,
        body: { json: JSON.stringify({ error: { code: "invalid_api_key", message } }) },
      },
    };
    const { run, answers, sent } = batch({ hears: () => refused, lines: 1_000 });
    await expect(run()).rejects.toThrow(`HTTP 401: ${message}; set MENAGERIE_API_KEY`);
    expect(answers).toEqual([]);
    expect(sent.length).toBeLessThanOrEqual(4);
  });

  it.each([500, 502])("takes %i for the answer, and sends it again where that is wanted", async (code) => {
    const hears = (body: string, time: number): Heard => (body === "2" && time < 3 ? status(code) : ok);
    const once = batch({ hears });
    await once.run();
    expect(once.counts()).toEqual({ answered: 10, failed: 1, sent: 10 });
    const again = batch({ hears, settings: { retryAll: true } });
    await again.run();
    expect(again.counts()).toEqual({ answered: 10, failed: 0, sent: 12 });
    const always = batch({ hears: (body) => (body === "2" ? status(code) : ok), settings: { retryAll: true } });
    await always.run();
    expect(always.counts()).toEqual({ answered: 10, failed: 1, sent: 12 });
  });

  it("sends less at once after a refusal", async () => {
    let most = 0;
    let underWay = 0;
    const { run } = batch({
      lines: 30,
      hears: async (body, time) => {
        underWay += 1;
        if (Number(body) > 4) most = Math.max(most, underWay);
        for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
        underWay -= 1;
        return Number(body) <= 4 && time === 1 ? status(429) : ok;
      },
    });
    await run();
    expect(most).toBeLessThanOrEqual(2);
  });

  it("that is stopped waits for what was sent, and sends nothing else", async () => {
    const { run, stop, answered, sent } = batch({
      lines: 100,
      hears: (body) => {
        if (body === "8") stop();
        return ok;
      },
    });
    await run();
    expect(sent.length).toBeLessThan(15);
    expect(answered()).toEqual(all(sent.length));
  });

  it("that is stopped while it waits does not wait any longer, and leaves the line for the next time", async () => {
    const { run, stop, answers, now } = batch({
      lines: 1,
      hears: () => {
        stop();
        return status(429, 500_000);
      },
    });
    await run();
    expect([answers, now()]).toEqual([[], 0]);
  });

  it("that was stopped before sends nothing", async () => {
    const { run, stop, sent } = batch({ hears: () => ok });
    stop();
    await run();
    expect(sent).toEqual([]);
  });

  it("ends where an answer cannot be written, and sends nothing more", async () => {
    const { run, sent } = batch({
      lines: 1_000,
      hears: () => ok,
      write: async ({ line }) => {
        if (line === 6) throw new Error("the disk is full");
      },
    });
    await expect(run()).rejects.toThrow("the disk is full");
    expect(sent.length).toBeLessThan(40);
  });

  it("counts no line before it is written, and does not send on for ever meanwhile", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { run, sent, counts, answered } = batch({ lines: 1_000, hears: () => ok, write: () => promise });
    const running = run();
    for (let turn = 0; turn < 5_000; turn += 1) await Promise.resolve();
    expect(counts().answered).toBe(0);
    expect(sent.length).toBeLessThan(40);
    resolve();
    await running;
    expect(answered()).toEqual(all(1_000));
  });

  it("does not run far ahead of a line that takes long", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { run, sent, answered } = batch({
      lines: 100_500,
      hears: async (body) => {
        if (body === "1") await promise;
        return ok;
      },
    });
    const running = run();
    let before = -1;
    while (before !== sent.length) {
      before = sent.length;
      for (let turn = 0; turn < 10_000; turn += 1) await Promise.resolve();
    }
    expect(sent.length).toBe(100_001);
    resolve();
    await running;
    expect(answered()).toHaveLength(100_500);
  });
});
