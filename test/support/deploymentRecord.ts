import type { ClientBase } from "pg";
import { closeDeployment, openDeployment } from "../../src/adapters/postgres/deployments.ts";
import { readRecordedReleases } from "../../src/adapters/postgres/releases.ts";
import { type DatabaseServer, withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { combinationDigest } from "../../src/domain/release/combination.ts";
import type { DeployedModel } from "../../src/domain/release/observed.ts";
import { declaredBase, planRelease } from "../../src/domain/release/plan.ts";
import type { DeploymentIntent } from "../../src/domain/release/record.ts";

/** A database with the platform's schema and roles, for the migrations to fill. */
export async function makePlatformDatabase(server: DatabaseServer): Promise<void> {
  await withClient(server, "postgres", async (client) => {
    for (const role of ["owner", "deployer", "operator"]) await client.query(`CREATE ROLE menagerie_${role}`);
    await client.query("CREATE DATABASE menagerie OWNER menagerie_owner");
  });
  await withClient(server, platformDatabase, (client) =>
    client.query("CREATE SCHEMA menagerie AUTHORIZATION menagerie_owner"),
  );
}

export const run = { requestedBy: "ada@laptop", run: "test", commit: null };

export const serving = (versions: Readonly<Record<string, number>>): DeployedModel[] =>
  Object.entries(versions).map(([name, version]) => ({
    name,
    version,
    hash: `hash of ${name} ${version}`,
    digest: null,
    source: "zoo",
    service: `${name}-v${version}`,
  }));

/** The intent of an `up` that is to serve `versions`, with the tag that the record says. */
export async function intentOf(
  client: ClientBase,
  environment: string,
  versions: Readonly<Record<string, number>>,
  config: object = {},
): Promise<DeploymentIntent> {
  const planned = serving(versions);
  const models = planned.map(({ name, hash, source, version }) => ({ name, hash, source, version: version ?? 0 }));
  const combination = { code: "1.0.0", models };
  const recorded = await readRecordedReleases(client, environment, {
    combinationDigest: combinationDigest(combination),
    base: declaredBase("deployment-manager", combination),
  });
  const { recorded: _, ...plan } = planRelease("deployment-manager", combination, false, recorded);
  return { ...plan, environment, planned, stateSchema: null, config: JSON.stringify(config), promotedFrom: null };
}

/** A whole `up`: intent, `change` of what is served, end. Answers the tag. */
export async function deploy(
  client: ClientBase,
  environment: string,
  versions: Readonly<Record<string, number>>,
  config: object = {},
): Promise<string> {
  const intent = await intentOf(client, environment, versions, config);
  const id = await openDeployment(client, intent, run, async () => []);
  await closeDeployment(client, environment, id, async () => serving(versions));
  return intent.tag;
}
