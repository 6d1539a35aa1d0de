import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createParser } from "eventsource-parser";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readTraffic } from "../../src/adapters/postgres/traffic/readTraffic.ts";
import type { TrafficPath } from "../../src/domain/traffic/outcome.ts";
import { length } from "../../src/domain/traffic/seconds.ts";
import { summarize } from "../../src/domain/traffic/traffic.ts";
import { SleepEnvironment, space } from "./sleepEnvironment.ts";

/**
 * Streams and WebSockets that last an hour, through the gateway and through the API service, of recorded models: one that is always awake, and
 * one that would sleep after a minute without use. `MENAGERIE_SOAK_STREAM_SECONDS` makes them shorter.
 */

const seconds = Number(process.env.MENAGERIE_SOAK_STREAM_SECONDS ?? 3_600);
const truss = join(import.meta.dirname, "../fixtures/ticker");
const ticker = "truss: models/ticker, resources: { cpu: 100m, memory: 256Mi }";
const zoo = `${ticker}, phase: done, recording: {}`;
/** How many times slower a shadow speaks than its primary. */
const slower = 50;
const stack = `config:
  menagerie:nodeClass: local
  menagerie:serving: { readyTimeoutSeconds: 900, requireApiKey: false }
  menagerie:dynamicSettings: { createNamespace: true }
  menagerie:zoo:
    ticker: { ${zoo} }
    dozer: { ${zoo}, replicas: { min: 0, idleMinutes: 1 } }
  menagerie:shadows:
    paced:
      primary: { ${ticker} }
      shadows: { slow: { ${ticker}, env: { SLOWER: "${slower}" } } }
`;

type Model = "ticker" | "dozer" | "paced";

interface Stream {
  readonly kind: "chat" | "socket";
  /** What the request says of itself, by which its row is found. */
  readonly name: string;
  readonly model: Model;
  readonly path: TrafficPath;
  /** Seconds between two pieces. */
  readonly every: number;
}

/** A truss ends an answer whose pieces are more than 60 s apart. */
const slowest = 50;
const streams: readonly Stream[] = [
  { name: "slow", kind: "chat", model: "ticker", path: "route", every: slowest },
  ...(["ticker", "dozer"] as const).flatMap((model) =>
    (["route", "app"] as const).flatMap((path) =>
      (["chat", "socket"] as const).map((kind) => ({ name: `${kind} ${model} ${path}`, kind, model, path, every: 1 })),
    ),
  ),
];
const piecesOf = ({ every }: Stream) => Math.max(2, Math.floor(seconds / every));

interface Piece {
  readonly number: number;
  /** When the model said it, and when it was here: milliseconds since 1970, by one clock. */
  readonly saidAt: number;
  readonly cameAt: number;
}

interface Heard {
  readonly pieces: readonly Piece[];
  readonly text: string;
  /** How it ended: of a chat its status, `finish_reason`, and whether `[DONE]` came; of a WebSocket its closing code. */
  readonly ending: string;
  readonly endedAt: number;
}

const well = { chat: "200 stop done", socket: "1000" } as const;
/** As what it is counted. */
const outcomes = { chat: "2xx", socket: "1xx" } as const;

let own: SleepEnvironment;
const apps = new Map<Model, string>();
const agent = new Agent({ keepAlive: false });

beforeAll(async () => {
  own = await SleepEnvironment.open(stack, { ticker: truss });
  for (const model of ["ticker", "dozer"] as const) {
    const { stdout } = await own.home.menagerie(["app", "create", model, "--owner", "ada@example.com", "--json"]);
    apps.set(model, (JSON.parse(stdout) as { id: string }).id);
  }
});

afterAll(async () => {
  agent.destroy();
  await own?.close();
});

function urlOf({ model, path, kind }: Stream): string {
  const base = path === "route" ? `${own.gateway}/serving/${space}/${model}` : `${own.api}/models/${apps.get(model)}`;
  return kind === "chat" ? `${base}/v1/chat/completions` : `${base.replace(/^http/, "ws")}/v1/websocket`;
}

function pieceOf(word: string): Piece {
  const [number = Number.NaN, saidAt = Number.NaN] = word.split("@").map(Number);
  return { number, saidAt, cameAt: Date.now() };
}

type Tell = (piece: Piece) => void;

/** Asks for a stream and reads it to its end, or to where it breaks off; `tell` hears each piece as it comes. */
function listen(stream: Stream, pieces: number, tell: Tell = () => {}): Promise<Heard> {
  return stream.kind === "chat" ? listenToChat(stream, pieces, tell) : listenToSocket(stream, pieces, tell);
}

function listenToSocket(stream: Stream, pieces: number, tell: Tell): Promise<Heard> {
  return new Promise((resolve) => {
    const heard: Piece[] = [];
    let text = "";
    const socket = new WebSocket(urlOf(stream));
    socket.addEventListener("open", () => socket.send(JSON.stringify({ pieces, every: stream.every })));
    socket.addEventListener("message", ({ data }) => {
      text += `${data} `;
      const piece = pieceOf(String(data));
      heard.push(piece);
      tell(piece);
    });
    socket.addEventListener("close", ({ code }) => {
      resolve({ pieces: heard, text, ending: String(code), endedAt: Date.now() });
    });
  });
}

function listenToChat(stream: Stream, pieces: number, tell: Tell): Promise<Heard> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const call = request(urlOf(stream), { method: "POST", agent, headers }, (response) => {
      const heard: Piece[] = [];
      let [text, end, finish]: [string, string, string | undefined] = ["", "cut off", undefined];
      const parser = createParser({
        onEvent({ data }) {
          if (data === "[DONE]") {
            end = "done";
            return;
          }
          const [choice] = (JSON.parse(data) as { choices: { delta: { content?: string }; finish_reason?: string }[] })
            .choices;
          finish = choice?.finish_reason ?? finish;
          const content = choice?.delta.content;
          if (!content) return;
          text += content;
          const piece = pieceOf(content);
          heard.push(piece);
          tell(piece);
        },
      });
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => parser.feed(chunk));
      response.once("close", () => {
        const ending = `${response.statusCode} ${finish} ${end}`;
        resolve({ pieces: heard, text, ending, endedAt: Date.now() });
      });
      // What was heard until then says it.
      response.on("error", () => {});
    });
    call.once("error", reject);
    call.end(
      JSON.stringify({
        model: stream.model,
        stream: true,
        // Nothing is left to chance, so that answers are judged.
        temperature: 0,
        user: stream.name,
        pieces,
        every: stream.every,
        messages: [{ role: "user", content: "Count." }],
      }),
    );
  });
}

async function versionOf(model: Model): Promise<string> {
  const { rows } = await own.pool.query<{ id: string }>(
    `SELECT v.id::text AS id FROM menagerie.model_version v JOIN menagerie.model m ON m.id = v.model_id
      WHERE m.name = $1 AND v.is_current AND v.proxy_model_version_id IS NULL`,
    [model],
  );
  return rows[0]?.id ?? "";
}

/** What of a model was counted on a path from one moment on. */
async function counted(model: Model, path: TrafficPath, from: number) {
  const traffic = await readTraffic(own.pool, {
    version: await versionOf(model),
    from: new Date(from),
    to: new Date(Math.max(from + 1_000, Date.now() - 3_000)),
  });
  const { byOutcome } = summarize(traffic[path]);
  return { byOutcome, missing: length(traffic[path].coverage.missing) };
}

interface Row {
  readonly operation: string;
  readonly status: number;
  readonly failure: string | null;
  readonly truncated: boolean;
  readonly streamed: boolean;
  readonly said: string;
  readonly finish: string;
  readonly tokens: number;
  readonly first: number;
  readonly latency: number;
  readonly pieceMs: readonly number[];
}

async function rowsOf({ name, model }: Stream): Promise<Row[]> {
  const { rows } = await own.pool.query<Row>(
    `SELECT q.operation, a.status, a.failure, a.truncated, a.streamed, a.response_data#>>'{choices,0,message,content}' AS said,
            a.response_data#>>'{choices,0,finish_reason}' AS finish, a.completion_tokens AS tokens,
            a.first_token_ms AS first, a.latency_ms AS latency, a.piece_ms AS "pieceMs"
       FROM recorded_${model}.inference_requests q JOIN recorded_${model}.inference_response a USING (day, request_id, attempt)
      WHERE q.request_data->>'user' = $1`,
    [name],
  );
  return rows;
}

/** Resident memory of a service's processes, in MiB, and how many they are. */
function memoryOf(service: "api" | "recorder"): { processes: number; mebibytes: number } {
  const sizes = own.home.processes().flatMap(({ pid, command }) => {
    if (!command.includes(`services/${service}/main.ts`)) return [];
    try {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      // The sandbox around it has the same command line.
      if (/^Name:\s+bwrap$/m.test(status)) return [];
      return [Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024];
    } catch {
      return [];
    }
  });
  return { processes: sizes.length, mebibytes: Math.round(sizes.reduce((sum, each) => sum + each, 0)) };
}

test("a shadow that speaks far slower keeps no client waiting, and is compared when it has ended", async () => {
  const heard = await listen({ name: "paced", kind: "chat", model: "paced", path: "route", every: 0.2 }, 5);
  expect(heard.ending).toBe(well.chat);
  const sides = async () => {
    const { rows } = await own.pool.query<{ side: string; ended: Date; failure: string | null; tokens: number }>(
      (["primary", "slow"] as const)
        .map(
          (
            side,
          ) => `SELECT '${side}' AS side, request_time + latency_ms * interval '1 ms' AS ended, failure, completion_tokens AS tokens
            FROM shadow_paced_${side}.inference_requests JOIN shadow_paced_${side}.inference_response USING (day, request_id, attempt)`,
        )
        .join(" UNION ALL "),
    );
    return rows;
  };
  await expect.poll(async () => (await sides()).length, { timeout: 120_000, interval: 1_000 }).toBe(2);
  const rows = await sides();
  for (const { side, failure, tokens } of rows) expect([side, failure, tokens]).toEqual([side, null, 5]);
  const slow = rows.find(({ side }) => side === "slow");
  expect(heard.endedAt).toBeLessThan(slow?.ended.getTime() ?? 0);
  const { stdout } = await own.home.menagerie(["compare", "paced", "--json"]);
  const { result } = JSON.parse(stdout) as {
    result: { pairs: number; speed: Record<"primary" | "shadow", { tokensPerSecond: { count: number; p50: number } }> };
  };
  const { primary, shadow } = result.speed;
  expect([result.pairs, primary.tokensPerSecond.count, shadow.tokensPerSecond.count]).toEqual([1, 1, 1]);
  expect(shadow.tokensPerSecond.p50).toBeLessThan(primary.tokensPerSecond.p50 / 10);
});

test(
  `streams of ${seconds} s come whole and piece by piece, are recorded and counted once, and keep their model awake`,
  async () => {
    // A gateway counts requests by how they end once one has ended, and before that by their heads.
    for (const stream of streams) await listen({ ...stream, name: "warm", every: 0.1 }, 2);
    await delay(15_000);
    const begun = Date.now();
    const service = await own.serviceOf("dozer");
    const pods = new Set<string>();
    const phases = new Set<string>();
    const early: unknown[] = [];
    const memory: Record<"api" | "recorder", number[]> = { api: [], recorder: [] };
    const running = new Set(streams.map(({ name }) => name));
    const latest = new Map<string, Piece>();
    const listening = streams.map(async (stream) => {
      const heard = await listen(stream, piecesOf(stream), (piece) => latest.set(stream.name, piece));
      running.delete(stream.name);
      return { stream, heard };
    });
    const watching = (async () => {
      for (let look = 0; running.size === streams.length; look += 1) {
        for (const pod of await own.podsOf(service)) pods.add(pod);
        const { rows } = await own.pool.query<{ phase: string }>(
          "SELECT phase FROM menagerie.sleep_state WHERE service = $1",
          [service],
        );
        for (const { phase } of rows) phases.add(phase);
        for (const { model, path } of streams) {
          const { byOutcome } = await counted(model, path, begun);
          if (running.size === streams.length && Object.keys(byOutcome).length > 0)
            early.push({ model, path, byOutcome });
        }
        for (const each of ["api", "recorder"] as const) memory[each].push(memoryOf(each).mebibytes);
        if (look % 30 === 0) {
          const late = [...latest].map(
            ([name, { number, saidAt, cameAt }]) => `${name} ${number} (${cameAt - saidAt} ms)`,
          );
          console.log(
            `${Math.round((Date.now() - begun) / 1000)} s: ${late.join(", ")}; RSS API ${memory.api.at(-1)}, recorders ${memory.recorder.at(-1)} MiB`,
          );
        }
        await delay(2_000);
      }
    })();
    const all = await Promise.all(listening);
    await watching;

    for (const { stream, heard } of all) {
      const pieces = piecesOf(stream);
      const { ending, text } = heard;
      expect(ending, stream.name).toBe(well[stream.kind]);
      expect(
        heard.pieces.map(({ number }) => number),
        stream.name,
      ).toEqual(Array.from({ length: pieces }, (_, number) => number));
      const waits = heard.pieces.map(({ saidAt, cameAt }) => cameAt - saidAt).sort((a, b) => a - b);
      console.log(
        `${stream.name}: ${pieces} pieces, from the model to the client p50 ${waits[Math.floor(pieces / 2)]} ms, p99 ${waits[Math.floor(pieces * 0.99)]} ms, at most ${waits.at(-1)} ms`,
      );
      // Nothing is held back until something else comes: a piece is here before the model says what it says ten seconds later.
      const ahead = Math.ceil(10 / stream.every);
      const heldBack = heard.pieces.filter(({ cameAt }, at) => cameAt > (heard.pieces[at + ahead]?.saidAt ?? Infinity));
      expect(heldBack, stream.name).toEqual([]);
      if (stream.kind === "socket") continue;

      await expect.poll(() => rowsOf(stream).then(({ length }) => length), { timeout: 60_000 }).toBe(1);
      const [row] = await rowsOf(stream);
      if (!row) throw new Error(`${stream.name} has no row`);
      const { said, first, latency, pieceMs, tokens, ...stored } = row;
      expect(stored, stream.name).toEqual({
        operation: "chat",
        status: 200,
        failure: null,
        truncated: false,
        streamed: true,
        finish: "stop",
      });
      expect(said === text, `${stream.name}: what is stored is what was heard`).toBe(true);
      expect(tokens).toBe(pieces);
      // The chunk with the role comes at once, and does not count.
      expect(first).toBeGreaterThan(900 * stream.every);
      expect(first).toBeLessThan(1_000 * stream.every + 10_000);
      expect(latency).toBeGreaterThan(990 * pieces * stream.every);
      expect(pieceMs).toEqual([...pieceMs].sort((a, b) => a - b));
      // The role, each piece, and what ends it; some that came at one moment are one.
      expect(pieceMs.length).toBeLessThanOrEqual(pieces + 4);
      expect(pieceMs.length).toBeGreaterThan(pieces * 0.9);
      expect(pieceMs.at(-1)).toBeLessThanOrEqual(latency);
      console.log(
        `${stream.name}: first token after ${Math.round(first)} ms, ${pieceMs.length} times, ${Math.round(latency)} ms`,
      );
    }

    // None was counted before it ended, and each once when it had.
    expect(early).toEqual([]);
    for (const model of ["ticker", "dozer"] as const) {
      for (const path of ["route", "app"] as const) {
        const ended = all.filter(({ stream }) => stream.model === model && stream.path === path);
        const ends = ended.map(({ heard }) => heard.endedAt);
        const before = Math.min(...ends) - 2_000;
        const expected = Object.fromEntries(
          (["chat", "socket"] as const).map((kind) => [
            outcomes[kind],
            ended.filter(({ stream }) => stream.kind === kind).length,
          ]),
        );
        const now = async () => (await counted(model, path, before)).byOutcome;
        await expect.poll(now, { timeout: 60_000, interval: 1_000 }).toEqual(expected);
        const { byOutcome, missing } = await counted(model, path, begun);
        expect(byOutcome, `${model} ${path}`).toEqual(expected);
        console.log(`${model} ${path}: counted ${JSON.stringify(byOutcome)}, ${missing} s missing`);
      }
      const { rows } = await own.pool.query(`SELECT reason, requests FROM recorded_${model}.recording_losses`);
      expect(rows).toEqual([]);
      // WebSockets pass, and are not recorded.
      const chats = all.filter(({ stream }) => stream.model === model && stream.kind === "chat");
      const stored = await own.pool.query(
        `SELECT FROM recorded_${model}.inference_requests WHERE request_data->>'user' <> 'warm'`,
      );
      expect(stored.rowCount).toBe(chats.length);
    }

    // The model that may sleep had one pod all along; a minute after the streams, it has none.
    expect([...pods]).toHaveLength(1);
    expect([...phases]).toEqual(["awake"]);
    for (const each of ["api", "recorder"] as const) {
      const sizes = memory[each];
      const [begin = 0] = sizes;
      console.log(`${each}: RSS ${begin} MiB at first, at most ${Math.max(...sizes)}, ${sizes.at(-1)} at last`);
      expect(Math.max(...sizes) - begin, `growth of ${each} in MiB`).toBeLessThan(150);
    }
    await own.asleep(service);
  },
  seconds * 1_000 + 1_800_000,
);
