import * as pulumi from "@pulumi/pulumi";
import { ReleaseRecord } from "../../../components/releaseRecord.ts";
import { ReleaseSchema } from "../../../components/releaseSchema.ts";
import type { EnvironmentSpec } from "../../../src/config/environment.ts";
import { state as stateShape } from "../../../src/config/state.ts";
import { OperatorError } from "../../../src/domain/errors.ts";
import { Environment } from "../../../src/environment/environment.ts";
import type { DeclaredTables } from "../../../src/environment/parts.ts";
import { stackRun } from "../../../src/environment/stackRun.ts";
import { engineAbove } from "../../../src/plan/engineAbove.ts";
import { planPlatform } from "../../../src/plan/platform.ts";
import { planEnvironmentRelease } from "../../../src/plan/release.ts";
import { planState } from "../../../src/plan/state.ts";
import type { ZooModelPlan } from "../../../src/plan/zooModel.ts";
import type { DatabaseStack } from "./stack.ts";

/**
 * Record and states of a stack, planned and declared as `src/index.ts` does it, without a cluster. The platform's own roles and
 * tables are there already, for a hundred grants take the engine their time.
 */
async function program() {
  const { versions, code = "1.0.0", state, cluster } = JSON.parse(process.env.DATABASE_STACK ?? "") as DatabaseStack;
  const database = { host: "unused", port: 5432, adminUser: "unused", sslMode: "disable" } as const;
  const spec = {
    database,
    previewDatabase: "required",
    zoo: {},
    models: {},
    namespace: "models",
    versioning: { scheme: "deployment-manager", candidate: false, code },
    state: state && stateShape.parse(state),
  } as unknown as EnvironmentSpec;
  const { preview, isPartial, stack, lastOutputs } = stackRun(engineAbove());
  const platform = await planPlatform(spec, {
    url: process.env.MENAGERIE_DATABASE_URL,
    password: undefined,
    preview,
    lastOutputs,
  });
  if (!platform) throw new Error("a stack with a database");
  const zoo = new Map(
    Object.entries(versions).map(([model, number]) => {
      const hash = `hash of ${model} ${number}`;
      const plan = { versions: [{ model, number, hash, service: `${model}-v${number}` }], target: undefined };
      return [model, plan as unknown as ZooModelPlan];
    }),
  );
  const release = await planEnvironmentRelease(spec, platform, zoo, {
    environment: stack,
    config: { "menagerie:versions": versions },
    mlflow: undefined,
    lastVersionTag: async () => undefined,
    lastOutputs,
    isPartial,
  });
  const planned = await planState(spec, platform, release?.intent, lastOutputs);
  const environment = new Environment(spec, {
    trussHashes: new Map(),
    zoo,
    release,
    isPartial,
    platform,
    state: planned,
  });
  environment.parts.tables = environment.postgres as unknown as DeclaredTables;
  const record = new ReleaseRecord("release", { environment });
  const schemas = planned
    ? [planned.current, ...planned.kept].map(
        (each) =>
          new ReleaseSchema(
            each.tag,
            { environment, schemas: spec.state?.schemas ?? "", current: each === planned.current },
            { dependsOn: record.intent },
          ),
      )
    : [];
  const served = Object.entries(versions).map(
    ([name, version]) => new Served(name, { name, version, cluster }, { dependsOn: [record.intent, ...schemas] }),
  );
  const states = planned && {
    states: Object.fromEntries(
      [planned.current, ...planned.kept].map(({ tag, ...each }) => [
        tag,
        { ...each, current: each === planned.current },
      ]),
    ),
  };
  return { release: record.close([...served, ...schemas]), schemaVersion: platform.schemaVersion, ...states };
}

class Served extends pulumi.CustomResource {
  constructor(name: string, properties: object, options: pulumi.CustomResourceOptions) {
    const provider = `exports.handler = () => require(${JSON.stringify(`${import.meta.dirname}/served.ts`)}).provider;\n`;
    super("pulumi-nodejs:dynamic/menagerie:Served", name, { ...properties, __provider: provider }, options);
  }
}

export default async () => {
  try {
    return await program();
  } catch (error) {
    if (error instanceof OperatorError) throw new pulumi.RunError(error.message);
    throw error;
  }
};
