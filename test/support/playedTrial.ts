import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { refuse } from "../../src/adapters/truss/refusals.ts";
import { refusal, refused } from "../../src/domain/refusals/refusal.ts";
import { ModelsNotStarted } from "../../src/domain/trial/notStarted.ts";
import type { BringUp } from "../../src/domain/trial/trial.ts";
import { refuse as refuseTrial } from "../../src/local/trial/refusals.ts";

/** What a played model does, as the first line of its `model/model.py` says after `# `. */
const play = z.strictObject({
  /** Its answer to {"x": 2} is {"y": 2 × this, "unit": "m"}. */
  factor: z.number().default(1),
  unit: z.string().default("m"),
  /** Requests with this x end the process. */
  endsAt: z.number().optional(),
  /** Once it ended it never takes requests again. */
  staysAway: z.boolean().default(false),
  /** Requests with this x are never answered. */
  hangsAt: z.number().optional(),
  /** It never becomes ready. */
  startFails: z.string().optional(),
  /** Its image cannot be built. */
  buildFails: z.boolean().default(false),
  /** One of its packages is not there any more. */
  needsGone: z.string().optional(),
  /** One of its packages has no wheel. */
  needsBuild: z.string().optional(),
  /** Its `unit` is another in each answer. */
  isRandom: z.boolean().default(false),
});

type Play = z.output<typeof play>;

/** What was brought up, and what is left of it. */
export interface PlayedTrials {
  readonly bringUp: BringUp;
  /** Combinations, by their models' variables. */
  readonly broughtUp: {
    readonly models: readonly string[];
    readonly env: readonly object[];
    readonly egress: boolean;
  }[];
  /** Trials that nobody has disposed of. */
  readonly left: () => number;
  /** Requests that wait for an answer which never comes. */
  readonly hanging: () => number;
  /** Every trial ends by itself. */
  readonly endAll: (reason: string) => void;
}

/**
 * Trials whose models are servers of this process, on Unix sockets as real ones are.
 *
 * @param fails - of two sides that do not start, the one that is the first to say so; real trials end then
 */
export function playedTrials(fails: "old" | "new" = "new"): PlayedTrials {
  const broughtUp: { models: readonly string[]; env: readonly object[]; egress: boolean }[] = [];
  let left = 0;
  let hanging = 0;
  const running = new Set<PromiseWithResolvers<void>>();
  const bringUp: BringUp = async ({ models }, { signal, egress = false }) => {
    signal.throwIfAborted();
    broughtUp.push({ models: models.map(({ name }) => name), env: models.map(({ env }) => env), egress });
    const plays = await Promise.all(models.map(({ content }) => playOf("folder" in content ? content.folder : "")));
    if (plays.some(({ buildFails }) => buildFails))
      throw refused(refusal("file.tag", null, { tag: "no such package" }));
    for (const { needsBuild, needsGone } of plays) {
      if (needsGone !== undefined)
        throw refuse("packages.not-installable", { what: "requirements", line: `no ${needsGone}` });
      if (needsBuild !== undefined) throw refuse("packages.no-wheel", { what: "requirements", package: needsBuild });
    }
    const failed = models.flatMap(({ name }, index) => {
      const log = plays[index]?.startFails;
      return log === undefined ? [] : [{ model: name, reason: "its container ended with exit code 1", log }];
    });
    const first = failed.find((each) => each.model === fails) ?? failed[0];
    if (first) throw new ModelsNotStarted([first]);
    const folder = await mkdtemp(join(tmpdir(), "played-trial-"));
    const servers = await Promise.all(
      plays.map((each, index) => served(each, join(folder, `${index}.sock`), () => (hanging += 1))),
    );
    left += 1;
    const disposed = Promise.withResolvers<void>();
    running.add(disposed);
    return {
      models: models.map(({ name }, index) => ({
        name,
        image: "local/played@sha256:0",
        startedInMs: 1_200,
        socketPath: join(folder, `${index}.sock`),
      })),
      ask: () => Promise.reject(new Error("a proof sends requests itself")),
      logs: () => Promise.resolve(""),
      restarts: (name) => Promise.resolve(servers[models.findIndex((each) => each.name === name)]?.ended() ?? 0),
      ended: () => disposed.promise,
      async dispose() {
        left -= 1;
        running.delete(disposed);
        disposed.resolve();
        for (const { server } of servers) server.close().closeAllConnections();
        await rm(folder, { recursive: true, force: true });
      },
    };
  };
  const endAll = (reason: string): void => {
    for (const { reject } of running) reject(refuseTrial("trial.ended", { reason }));
  };
  return { bringUp, broughtUp, left: () => left, hanging: () => hanging, endAll };
}

async function playOf(folder: string): Promise<Play> {
  const [first = ""] = (await readFile(join(folder, "model/model.py"), "utf8")).split("\n");
  return play.parse(JSON.parse(first.replace(/^# /, "")));
}

async function served(
  { factor, unit, endsAt, isRandom, staysAway, hangsAt }: Play,
  socketPath: string,
  hang: () => void,
): Promise<{ readonly server: Server; readonly ended: () => number }> {
  let ended = 0;
  const server = createServer(async (request, response) => {
    if (request.method === "GET") return staysAway && ended > 0 ? request.socket.destroy() : response.end("{}");
    const { x } = z.object({ x: z.number() }).parse(JSON.parse(await bodyOf(request)));
    if (x === hangsAt) return hang();
    if (x === endsAt) {
      ended += 1;
      return request.socket.destroy();
    }
    const said = isRandom ? `m${Math.random()}` : unit;
    return response.setHeader("content-type", "application/json").end(JSON.stringify({ y: x * factor, unit: said }));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return { server, ended: () => ended };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of request) text += piece;
  return text;
}
