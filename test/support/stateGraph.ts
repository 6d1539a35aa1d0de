import type { StatePlan } from "../../src/plan/state.ts";

/** A stack's state with a table of each seed, a release that is kept, a pipeline of each kind, and one model that works in it. */
export const withState = {
  config: {
    zoo: {
      iris: { truss: "models/iris", phase: "done", resources: { cpu: "1", memory: "1Gi" } },
      multiplier: {
        truss: "models/multiplier",
        phase: "done",
        pool: "t4",
        env: { FACTOR: "2" },
        state: true,
        resources: { cpu: "500m", memory: "512Mi" },
      },
    },
    state: {
      schemas: "state",
      tables: { model: { seed: "view" } },
      pipelines: {
        embed: { folder: "pipelines", command: ["node", "pipelines/embed.mjs"], env: { BATCH: "100" } },
        rank: { image: `registry/rank@sha256:${"0".repeat(64)}`, command: ["rank"], afterModels: true, pool: "t4" },
        refresh: { folder: "pipelines", command: ["node", "pipelines/refresh.mjs"], schedule: "0 3 * * *" },
      },
    },
  },
  state: {
    environment: "local",
    current: {
      tag: "v1.1.0",
      schema: "v1.1.0",
      seedFrom: "v1.0.0",
      declared: "<hash of the SQL files>",
      views: [],
      tables: [
        { name: "item", seed: "copy", from: "v1.0.0" },
        { name: "model", seed: "view", from: "v1.0.0" },
      ],
    },
    kept: [
      {
        tag: "v1.0.0",
        schema: "v1.0.0",
        seedFrom: null,
        declared: "<hash of the SQL files>",
        views: [],
        tables: [
          { name: "item", seed: "copy", from: null },
          { name: "model", seed: "view", from: null },
        ],
        values: { VERSION: "v1.0.0" },
      },
    ],
    pipelines: [
      { name: "embed", hash: "<hash of pipelines>", ran: false },
      { name: "rank", hash: null, ran: false },
      { name: "refresh", hash: "<hash of pipelines>", ran: false },
    ],
    retired: ["v0.9.0"],
    lost: [],
    heldBy: new Map(),
    description: "new, seeded from v1.0.0",
  } satisfies StatePlan,
};
