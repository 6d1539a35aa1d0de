import { expect, it } from "vitest";
import { parseEnvironment } from "../../../src/config/parse.ts";
import type { RegisteredVersion } from "../../../src/domain/zoo/plan.ts";
import { emptyRegistry } from "../../../src/domain/zoo/registry.ts";
import { plannedDepartures } from "../../../src/plan/departures.ts";
import type { LastOutputs } from "../../../src/plan/platform.ts";

const row = (apps: number): RegisteredVersion => ({
  id: "11",
  number: 1,
  hash: "a",
  isCurrent: true,
  apps,
  image: undefined,
  serving: undefined,
});
const model = (truss: string, kind: "zoo" | "development" | "shadow" = "zoo") => ({
  kind,
  namespace: "models",
  truss: `models/${truss}`,
  hash: `hash of ${truss}`,
});
const entry = (truss: string) => ({ truss: `models/${truss}`, phase: "done" });

interface Before {
  readonly models: LastOutputs["models"];
  /** Apps by model, as the database has them. */
  readonly apps?: Readonly<Record<string, number>>;
  /** @default the kubeconfig's current one */
  readonly kubeContext?: string;
}

function linesOf(config: object, { models, apps, kubeContext }: Before): string[] {
  const spec = parseEnvironment(config, { gatewayUrl: "http://gateway" });
  const versions = new Map(Object.entries(apps ?? {}).map(([name, count]) => [name, [row(count)]]));
  const platform = { basis: "read", registry: { ...emptyRegistry, versions } } as const;
  const hashes = new Map([
    ["models/tulip", "hash of tulip"],
    ["models/copied", "hash of tulip"],
  ]);
  return plannedDepartures(spec, {
    platform: apps && platform,
    hashes,
    lastOutputs: { ...(models ? { models } : {}), kubeContext: kubeContext ?? null },
  });
}

const notFound = "tulip: this zoo model is not in the config any more; requests to /serving/models/tulip will get 404";
const unknown = "how many apps point at it is unknown, for no database was asked";
const newModel = "is a new model: it begins at version 1, and no app of tulip follows";

it.each<[string, object, Before, string[]]>([
  ["a model that is still there", { zoo: { tulip: entry("tulip") } }, { models: { tulip: model("tulip") } }, []],
  ["a first up", { zoo: { tulip: entry("tulip") } }, { models: {} }, []],
  [
    "a model that is gone",
    {},
    { models: { tulip: model("tulip") }, apps: { tulip: 0 } },
    [`${notFound}, and no app points at it`],
  ],
  ["the same, and no database asked", {}, { models: { tulip: model("tulip") } }, [`${notFound}, and ${unknown}`]],
  [
    "a renamed model",
    { zoo: { rose: entry("tulip") } },
    { models: { tulip: model("tulip") }, apps: { tulip: 0 } },
    [`${notFound}, and no app points at it. "rose" has the same truss but ${newModel}`],
  ],
  [
    "one whose folder is renamed too",
    { zoo: { rose: entry("copied") } },
    { models: { tulip: model("tulip") }, apps: { tulip: 0 } },
    [`${notFound}, and no app points at it. "rose" has the same content but ${newModel}`],
  ],
  [
    "a development version",
    {},
    { models: { fern: model("fern", "development") } },
    [
      "fern: this development version is not in the config any more; requests to /serving/models/fern will get 404, and its version and patches stay in the database",
    ],
  ],
  [
    "a shadow",
    {},
    { models: { next: model("next", "shadow") } },
    [
      "next: this shadow deployment is not in the config any more; requests to /serving/models/next will get 404, and its recorded predictions are deleted",
    ],
  ],
  [
    "the copy of a model",
    { zoo: { tulip: entry("tulip") } },
    { models: { tulip: model("tulip"), tulip_copy: model("tulip") } },
    [],
  ],
  [
    "another namespace",
    { namespace: "zoo", zoo: { tulip: entry("tulip") } },
    { models: { tulip: model("tulip") }, apps: { tulip: 3 } },
    [
      "menagerie:namespace: models move from models to zoo; addresses below /serving/models/ end, and predictions, those of 3 apps among them, fail until the models answer in zoo",
    ],
  ],
  [
    "another cluster",
    { kubeContext: "new", zoo: { tulip: entry("tulip") } },
    { models: { tulip: model("tulip") }, apps: { tulip: 1 }, kubeContext: "old" },
    [
      "menagerie:kubeContext: models move from the cluster of old to that of new; clients of the old gateway get no answer, and predictions, those of 1 app among them, fail until the models answer there",
    ],
  ],
  ["a first cluster", { kubeContext: "new", zoo: { tulip: entry("tulip") } }, { models: {}, kubeContext: "old" }, []],
])("%s", (_what, config, before, lines) => {
  expect(linesOf(config, before)).toEqual(lines);
});
