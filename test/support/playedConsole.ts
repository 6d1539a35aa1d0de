import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import type { Viewer } from "../../src/domain/access/roles.ts";
import type { PoolUse } from "../../src/domain/capacity/poolUse.ts";
import type { ActivityRow } from "../../src/domain/console/activity.ts";
import type { ConsoleReads, Sessions } from "../../src/domain/console/ports.ts";
import type { RecordedExchange, RecordingReads } from "../../src/domain/console/recordings.ts";
import type { ShownDevelopment, ShownPatch, WholePatch } from "../../src/domain/development/history.ts";
import type { EvidenceLook } from "../../src/domain/judgement/evidenceLooks.ts";
import type { DeploymentRange } from "../../src/domain/release/record.ts";
import type { LastMinute, VersionMinute } from "../../src/domain/traffic/lastMinute.ts";
import type { TrafficSummary } from "../../src/domain/traffic/traffic.ts";
import type { Phase } from "../../src/domain/zoo/phases.ts";
import type { ShownStanding } from "../../src/domain/zoo/shownStanding.ts";
import { cookieName } from "../../src/services/console/cookies.ts";
import { createConsoleServer } from "../../src/services/console/server.ts";
import { shownMinute, shownStanding } from "./console.ts";
import { byAnUp } from "./deploymentRange.ts";
import { exampleChats, exampleDeployment } from "./pages.ts";

/** The console's real server over data that a test plays. */
export interface PlayedConsole {
  readonly url: string;
  /** Cookie of a session that is there from the beginning: by its name, and as a header. */
  readonly cookies: Readonly<Record<string, string>>;
  readonly cookie: string;
  /** What the audit would have of bodies that were seen. */
  readonly noted: readonly object[];
  /** What the server logged as a warning or an error, a line each, since it was asked last. */
  takeLogged(): readonly string[];
  /** Something changes: pages that are open hear of it. */
  change(reads: ConsoleReads): void;
  /** Ends the session. */
  endSession(): void;
  stop(): Promise<void>;
}

const sessionId = "s".repeat(43);
export const playedNow = new Date("2026-11-30T18:00:00Z");

export async function playConsole(first: ConsoleReads, viewer: Partial<Viewer> = {}): Promise<PlayedConsole> {
  let reads = first;
  let marks = 0;
  let found: Viewer | undefined = { role: "viewer", who: "key Ab12Cd34", organization: null, ...viewer };
  const sessions: Sessions = {
    begin: async () => undefined,
    enter: async () => undefined,
    viewer: async ({ id }) => (id === sessionId ? found : undefined),
    end: async () => undefined,
    noteBodies: async (_, shown) => {
      noted.push(shown);
      return true;
    },
  };
  const noted: object[] = [];
  const logged: string[] = [];
  const current = new Proxy({} as ConsoleReads, {
    get: (_, name: keyof ConsoleReads) => (name === "mark" ? async () => String(marks) : reads[name]),
  });
  const http = await createConsoleServer({
    environment: "local",
    suffix: "",
    sessions,
    recordings: () => playedRecordings,
    reads: current,
    now: () => playedNow,
    log: pino({ level: "warn" }, { write: (line: string) => void logged.push(line) }),
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const host = `127.0.0.1:${(http.address() as AddressInfo).port}`;
  const name = cookieName({ headers: { host } });
  return {
    url: `http://${host}`,
    cookies: { [name]: sessionId },
    cookie: `${name}=${sessionId}`,
    noted,
    takeLogged: () => logged.splice(0),
    change(next) {
      reads = next;
      marks += 1;
    },
    endSession() {
      found = undefined;
    },
    async stop() {
      http.close();
      http.closeAllConnections();
    },
  };
}

const exchange: RecordedExchange = {
  at: new Date("2026-11-30T17:59:00Z"),
  url: "/v1/models/model:predict",
  status: 200,
  failure: null,
  latency: 12.5,
  version: "v2",
  isRedacted: true,
  request: { data: '{\n  "text": "<b>hello</b>"\n}', raw: null, isTruncated: false, encoding: null },
  response: { data: null, raw: Buffer.from("not JSON"), isTruncated: true, encoding: null },
};
const playedRecordings: RecordingReads = {
  recordings: async () => ["recorded_iris", "shadow_speaker_primary"],
  recorded: async () => [{ ...exchange, day: "2026-11-30", requestId: "7b0c1d2e", attempt: 1 }],
  exchange: async ({ requestId }) => (requestId === "7b0c1d2e" ? exchange : undefined),
};

/** An environment without anything. */
export const emptyReads: ConsoleReads = {
  standings: async () => [],
  looks: async () => [],
  minute: async () => shownMinute,
  served: async () => [],
  pools: async () => [],
  activity: async () => [],
  apps: async () => [],
  app: async () => undefined,
  usage: async () => [],
  organizationUsage: async () => [],
  limits: async () => [],
  releases: async () => [],
  release: async () => undefined,
  development: async () => [],
  patches: async () => [],
  wholePatch: async () => undefined,
  shadows: async () => ({}),
  comparison: async () => exampleChats().result,
  comparedPairs: async () => exampleChats(),
  mark: async () => "",
};

const ago = (minutes: number): Date => new Date(playedNow.getTime() - minutes * 60_000);

const models: readonly (readonly [name: string, phase: Phase, perSecond: number, failed: number])[] = [
  ["embedder", "bake", 184, 3],
  ["greeter", "done", 12.4, 0],
  ["iris", "forward", 41, 0],
  ["reranker", "reverted", 66, 0],
  ["speaker", "version", 7.25, 0],
  ["wine", "copy", 0, 0],
];

/** An environment of six models in every phase, with apps, usage and releases. */
export function playedReads(): ConsoleReads {
  const standings = models.map(([name, phase], place) => standingOf(name, phase, place));
  return {
    ...emptyReads,
    standings: async (name) => standings.filter((each) => name === undefined || each.name === name),
    looks: async () => playedLooks(),
    minute: async () => minuteOf(standings),
    served: async () => [
      ...standings.flatMap(({ name, versions }) =>
        versions.map(({ number, hash }) => ({
          model: name,
          kind: "zoo" as const,
          service: `${name}-v${number}`,
          hash,
          state: name === "wine" && number === 2 ? ("starting" as const) : ("ready" as const),
          because: name === "wine" && number === 2 ? "0 of 1 pods are ready" : null,
        })),
      ),
      {
        model: "helper",
        kind: "development",
        service: "helper",
        hash: "d".repeat(64),
        state: "stopped",
        because: "the next request starts it",
      } as const,
    ],
    pools: async () => pools,
    activity: async ({ model }) => activities.filter((each) => model === undefined || each.model === model),
    apps: async ({ offset }) => (offset > 0 ? [] : apps),
    app: async ({ id }) => {
      const app = apps.find((each) => each.id === id);
      const move = { model: "embedder", because: "embedder" };
      return (
        app && {
          app,
          moves: [
            { ...move, kind: "back", at: ago(50), fromVersion: 2, toVersion: 1 },
            { ...move, kind: "forward", at: ago(300), fromVersion: 1, toVersion: 2 },
            { ...move, kind: "made", at: ago(9_000), fromVersion: null, toVersion: 1, because: "" },
          ],
        }
      );
    },
    usage: async () => usage,
    organizationUsage: async () => organizationUsage,
    limits: async () => [
      { name: "acme", limits: { requestsPerMinute: 600, tokensPerDay: 2_000_000 } },
      { name: "admin", limits: {} },
      { name: "globex", limits: { requestsPerMinute: 60 } },
    ],
    releases: async () => releases,
    release: async (_, id) => {
      const found = releases.find((each) => each.id === id);
      return found && { ...found, config: { zoo: { iris: { phase: id === "14" ? "done" : "bake" } } } };
    },
    shadows: async () => ({ chat: exampleDeployment }),
    development: async ({ called }) =>
      development.filter(({ versionId }) => called === undefined || called === versionId),
    patches: async () => patches,
    wholePatch: async (_, { seq }) => {
      const patch = patches.find((each) => each.seq === seq);
      return patch && { patch, ...written };
    },
  };
}

/** The same with this many models. */
export function manyModels(count: number): ConsoleReads {
  const phases = models.map(([, phase]) => phase);
  const standings = Array.from({ length: count }, (_, place) =>
    standingOf(`model-${String(place).padStart(4, "0")}`, phases[place % phases.length] ?? "done", place),
  );
  return {
    ...playedReads(),
    standings: async (name) => standings.filter((each) => name === undefined || each.name === name),
    minute: async () => minuteOf(standings),
  };
}

function standingOf(name: string, phase: Phase, place: number): ShownStanding {
  const hash = (number: number) => `${number}${place}`.padEnd(12, "7").padEnd(64, "0f3a");
  const from = {
    id: String(place * 2 + 1),
    number: 1,
    hash: hash(1),
    isCurrent: phase === "copy" || phase === "reverted",
    apps: 8,
  };
  const to = {
    id: String(place * 2 + 2),
    number: 2,
    hash: hash(2),
    isCurrent: !from.isCurrent,
    apps: phase === "forward" ? 3 : 0,
  };
  const isOver = phase === "done";
  return shownStanding(name, {
    phase,
    since: ago(30 + place * 500),
    from: isOver ? null : from,
    to: isOver ? null : to,
    versions: isOver ? [{ ...to, isCurrent: true, apps: 11 }] : [from, to],
    traffic:
      phase === "bake" || phase === "forward" ? { generation: 4, weight: 50, control: 0, sticky: undefined } : null,
    takenBack:
      phase === "reverted"
        ? {
            id: "3",
            from: from.id,
            hash: to.hash,
            action: "revert",
            reason: "errors 12 of 180 against 3 of 1,620, at least 2.1 points more, 1.0 points are allowed",
            cause: "41",
            at: ago(45),
            weight: 25,
            doneAt: ago(44),
            obstacle: null,
          }
        : null,
    evidence: [
      {
        kind: "smoke",
        suite: "",
        passed: true,
        at: ago(90),
        evidenceHash: "9ac73cd151c3".padEnd(64, "0"),
      } as ShownStanding["evidence"][number],
    ],
    next: isOver
      ? { set: ["phase: copy", `from: "${to.id}"`], refused: "change the truss folder first" }
      : { set: ["phase: done"], refused: null },
    revert: isOver ? null : { set: "phase: reverted", command: `menagerie rollout revert --id ${to.id}` },
    judgement:
      phase === "bake" || phase === "reverted"
        ? {
            model: name,
            judgementId: "7",
            begunAt: ago(300),
            risk: 0.01,
            action: "revert",
            since: ago(45),
            bothFail: false,
            afterDecision: null,
            verdict: {
              decision: phase === "bake" ? "good" : "bad",
              because: phase === "bake" ? [] : ["errors 12 of 180 against 3 of 1,620, at least 2.1 points more"],
              notes: [],
              metrics: [
                {
                  metric: "errors",
                  decision: phase === "bake" ? "good" : "bad",
                  sentence: "errors 12 of 180 against 3 of 1,620",
                },
                { metric: "latency", decision: "undecided", sentence: "p95 1.04 to 1.31 times that of version 1" },
              ] as NonNullable<ShownStanding["judgement"]>["verdict"]["metrics"],
            },
            history: [
              { id: "40", decision: "undecided", because: ["too few requests"], at: ago(200) },
              { id: "41", decision: phase === "bake" ? "good" : "bad", because: [], at: ago(45) },
            ],
          }
        : null,
  });
}

/** Bounds that come nearer to each other, and to their limit. */
export function playedLooks(count = 120): readonly EvidenceLook[] {
  return Array.from({ length: count }, (_, place) => {
    const wide = 0.4 / (1 + place);
    const known = (place + 1) / count;
    return {
      at: ago(300 - (255 * place) / count).getTime(),
      shares: [
        {
          metric: "errors",
          good: known,
          bad: 0,
          bounds: { low: -wide, high: 0.004 + wide, limit: 0.01 },
        },
        { metric: "p95", good: known / 2, bad: 0.2, bounds: null },
      ],
    };
  });
}

function minuteOf(standings: readonly ShownStanding[]): LastMinute {
  const summary = (perSecond: number, errors: number): TrafficSummary => {
    const requests = Math.round(perSecond * 60);
    return {
      knownSeconds: 60,
      windowSeconds: 60,
      endsKnownSeconds: 60,
      requests,
      perSecond,
      errors,
      byOutcome: { ok: requests - errors } as TrafficSummary["byOutcome"],
      inKnown: { ok: requests - errors } as TrafficSummary["inKnown"],
      errorShare: requests === 0 ? undefined : errors / requests,
      p50: requests === 0 ? undefined : 11,
      p95: requests === 0 ? undefined : 52,
      p99: requests === 0 ? undefined : 84,
    };
  };
  const versions = standings.flatMap(({ name, versions: own }): VersionMinute[] => {
    const [, , perSecond = 3, failed = 0] = models.find(([each]) => each === name) ?? [];
    return own.map(({ id, number }) => ({
      versionId: id,
      model: name,
      number,
      route: summary(perSecond / own.length, number === 2 ? failed : 0),
      app: summary(number === 1 ? 0.5 : 0, 0),
    }));
  });
  return { ...shownMinute, versions };
}

const contentOf = (seq: number): string => `${seq}`.padEnd(12, "5c").padEnd(64, "0");

const patches: readonly ShownPatch[] = [3, 2, 1].map((seq) => ({
  generation: 2,
  seq,
  at: ago(20 - seq),
  prevHash: contentOf(seq - 1),
  nextHash: contentOf(seq),
  sentBy: seq === 1 ? "the stack" : "key Ab12Cd34",
  operations:
    seq === 1 ? ["ADD python_requirement numpy==2.3.1"] : ["UPDATE model_code model.py", "ADD model_code words.py"],
  reload: { isHot: seq > 1, tookMs: seq === 1 ? 5_230 : 61 + seq, applyMs: 12 },
}));

const development: readonly ShownDevelopment[] = [
  {
    versionId: "31",
    model: "helper",
    number: 1,
    organization: "admin",
    generation: 2,
    baseHash: contentOf(0),
    deployedAt: ago(240),
    seq: 3,
    headHash: contentOf(3),
    patchedAt: ago(17),
    push: null,
  },
  {
    versionId: "32",
    model: "sketch",
    number: 1,
    organization: "acme",
    generation: null,
    baseHash: null,
    deployedAt: null,
    seq: 0,
    headHash: null,
    patchedAt: null,
    push: { status: "failed", because: "the build ended: no module named numpy", at: ago(60) },
  },
];

const written: Omit<WholePatch, "patch"> = {
  operations: [
    {
      type: "model_code",
      body: {
        action: "UPDATE",
        path: "model.py",
        content: "class Model:\n    def predict(self, request):\n        return {'words': 2}\n",
      },
    },
    { type: "model_code", body: { action: "ADD", path: "words.py", content: "words = 2\n" } },
  ],
  before: new Map([
    ["model_code model.py", "class Model:\n    def predict(self, request):\n        return {'words': 1}\n"],
  ]),
};

const pools: readonly PoolUse[] = [
  {
    pool: "a10g",
    most: 4,
    nodes: 2,
    gpus: 2,
    used: 2,
    waiting: 1,
    users: [
      {
        service: "embedder-v2",
        model: "embedder",
        kind: "zoo",
        pods: 2,
        used: 1,
        waiting: 1,
        because: "0/3 nodes are available: 2 Insufficient nvidia.com/gpu",
      },
      { service: "helper", model: "helper", kind: "development", pods: 1, used: 1, waiting: 0, because: null },
    ],
  },
  { pool: "t4", most: 2, nodes: 1, gpus: 1, used: 0, waiting: 0, users: [] },
];

const activity = (
  minutes: number,
  kind: ActivityRow["kind"],
  model: string | null,
  who: string | null,
  details: ActivityRow["details"],
): ActivityRow => ({
  kind,
  id: String(minutes),
  at: ago(minutes),
  cursor: ago(minutes).toISOString(),
  model,
  who,
  details,
});

const activities: readonly ActivityRow[] = [
  activity(4, "phase", "embedder", null, { before: "forward", phase: "bake", evidence: false }),
  activity(5, "deployment", null, "ada@laptop", {
    environment: "local",
    tag: "release-14",
    outcome: "deployed",
    reason: null,
    from: null,
  }),
  activity(44, "takeBackStep", "reranker", "guard", { step: "done", takeBack: "3" }),
  activity(45, "traffic", "reranker", "guard", { before: 25, weight: 0, control: 0, verdict: "41" }),
  activity(45, "takeBack", "reranker", "guard", {
    action: "revert",
    reason: "errors 12 of 180 against 3 of 1,620",
    verdict: "41",
  }),
  activity(46, "verdict", "reranker", "judge", { decision: "bad", because: ["errors 12 of 180 against 3 of 1,620"] }),
  activity(90, "evidence", "iris", null, { kind: "smoke", suite: "", passed: true }),
  activity(120, "audit", null, "ada@laptop", { what: "key.create", details: { prefix: "Ab12Cd34", role: "viewer" } }),
  activity(121, "migration", "iris", null, { id: "7", direction: "forward", share: 20, paused: false }),
];

const apps = ["helpdesk", "search", "triage", "summaries"].map((name, place) => ({
  id: String(1040 + place),
  name,
  owner: `${["ada", "grace", "linus", "barbara"][place]}@example.com`,
  organization: place < 2 ? "acme" : "globex",
  zooModel: models[place]?.[0] ?? "iris",
  version: 1 + (place % 2),
}));

const usage = Array.from({ length: 30 }, (_, place) => {
  const day = ago(place * 1_440)
    .toISOString()
    .slice(0, 10);
  const requests = 400 + ((place * 7_919) % 900);
  const tokens = { tokensIn: requests * 131, tokensOut: requests * 49 };
  return [
    { day, organization: "acme", app: "1040", appName: "helpdesk", model: "speaker", requests, ...tokens },
    {
      day,
      organization: "globex",
      app: null,
      appName: null,
      model: "embedder",
      requests: requests * 2,
      tokensIn: 0,
      tokensOut: 0,
    },
  ];
}).flat();

const organizationUsage = ["globex", "acme", "admin"].map((name) => {
  const own = usage.filter(({ organization }) => organization === name);
  const sumOf = (what: "requests" | "tokensIn" | "tokensOut") => own.reduce((sum, row) => sum + row[what], 0);
  return {
    name,
    requests: sumOf("requests"),
    tokensIn: sumOf("tokensIn"),
    tokensOut: sumOf("tokensOut"),
    days: Object.fromEntries(own.map(({ day, requests }) => [day, requests])),
  };
});

const releases: readonly DeploymentRange[] = [14, 13, 12, 11].map((number, place) => ({
  ...byAnUp,
  id: String(number),
  environment: "local",
  tag: `release-${number}`,
  code: "1.3.0",
  models: models.slice(0, 4).map(([name], at) => ({
    name,
    version: at === place ? 2 : 1,
    hash: `${name}${at === place ? 2 : 1}`.padEnd(64, "0"),
    source: "zoo",
    service: `${name}-v1`,
    digest: null,
  })),
  since: ago(5 + place * 2_000),
  until: place === 0 ? null : ago(5 + (place - 1) * 2_000),
  stateSchema: null,
}));
