import { readStateFiles } from "../adapters/files/stateFiles.ts";
import { sentenceOf } from "../domain/refusals/clause.ts";
import {
  declaredHash,
  releaseRoles,
  type StateTable,
  stateSchemaName,
  tagIssue,
} from "../domain/release/stateSchema.ts";
import type { DatabaseInput } from "../providers/databaseInput.ts";
import { databaseServer } from "../providers/databaseServer.ts";
import type { Handler } from "../providers/handler.ts";
import { hostProgress, untilTerminated } from "../providers/host.ts";
import { refuse } from "../providers/refusals.ts";
import { type RightsInput, rightsInDatabase, withoutRights } from "../providers/rightsInDatabase.ts";

export interface ReleaseStateInputs extends DatabaseInput, RightsInput {
  readonly tag: string;
  readonly schema: string;
  /** Schema of the release before; null for the first. */
  readonly seedFrom: string | null;
  /** Folder of the SQL files, relative to the project; read only until the state is ready. */
  readonly folder: string;
  /** Hash of the SQL files. */
  readonly declared: string;
  readonly tables: readonly StateTable[];
  /**
   * Views that the files make.
   * @default none
   */
  readonly views?: readonly string[];
  /**
   * Whether the files make sequences, other than those of identity columns.
   * @default false
   */
  readonly sequences?: boolean;
  /**
   * Extensions that the files need.
   * @default none
   */
  readonly extensions?: readonly string[];
  /** Connections that copy at the same time. */
  readonly parallel: number;
  /** Whether this is the stack's release, or one that is kept. */
  readonly current: boolean;
}

export interface ReleaseStateOutputs extends ReleaseStateInputs {
  /** Rows by table when the release became ready. */
  readonly seededRows: Readonly<Record<string, number>>;
}

/**
 * The tables of a release, filled by their rules, and what both of its logins may do in them. Deleting the resource leaves the tables,
 * unless the stack's retention has given the release up: then they are dumped, where that is asked for, and dropped. The logins, which go
 * next, have no rights any more.
 */
export const releaseState: Handler<ReleaseStateInputs, ReleaseStateOutputs> = {
  inputs: {
    tag: "replace",
    schema: "replace",
    seedFrom: "update",
    folder: "update",
    declared: "update",
    tables: "update",
    // What they change is in the rights.
    views: "ignore",
    sequences: "ignore",
    rights: "update",
    extensions: "update",
    parallel: "update",
    current: "update",
    database: "ignore",
  },
  check: async ({ tag, schema }) => {
    const issue = typeof tag === "string" ? tagIssue(tag) : undefined;
    if (issue) return [{ property: "tag", reason: `${JSON.stringify(tag)} ${sentenceOf(issue)}` }];
    if (typeof tag !== "string" || typeof schema !== "string" || schema === stateSchemaName(tag)) return [];
    return [{ property: "schema", reason: `"${schema}" is not the schema of release ${tag}` }];
  },
  async complete(inputs) {
    const { releaseRights } = await import("../adapters/postgres/rights/files.ts");
    return { ...inputs, rights: await releaseRights(inputs) };
  },
  async create(inputs) {
    return { id: inputs.schema, outs: await ensured(inputs) };
  },
  update: (_id, _olds, news) => ensured(news),
  async read(id, props) {
    return (await isReady(id, props)) ? { ...props, ...(await rightsInDatabase(props, id)) } : undefined;
  },
  async delete(id, props) {
    await withoutRights(props, id, Object.values(releaseRoles(id)));
    const { dropRetired } = await import("../adapters/postgres/releaseState/retire.ts");
    await untilTerminated((signal) => dropRetired(databaseServer(props), id, { progress: hostProgress(), signal }));
  },
};

async function isReady(schema: string, inputs: ReleaseStateInputs): Promise<boolean> {
  const { withClient } = await import("../adapters/postgres/server.ts");
  const { readRelease } = await import("../adapters/postgres/releaseState/journal.ts");
  const { platformDatabase } = await import("../domain/platformDatabase.ts");
  const release = await withClient(databaseServer(inputs), platformDatabase, (client) => readRelease(client, schema));
  return release?.ready === true;
}

async function ensured(inputs: ReleaseStateInputs): Promise<ReleaseStateOutputs> {
  const { ensureReleaseState, readyRows, useReleaseState } = await import(
    "../adapters/postgres/releaseState/ensure.ts"
  );
  const server = databaseServer(inputs);
  const ready = await readyRows(server, inputs.schema, inputs);
  const seededRows =
    ready ??
    (await untilTerminated(async (signal) => {
      const files = await readStateFiles(inputs.folder);
      if (declaredHash(files) !== inputs.declared) {
        throw refuse("state.files-changed-meanwhile", { folder: inputs.folder });
      }
      return ensureReleaseState(server, { ...inputs, files }, { progress: hostProgress(), signal });
    }));
  if (inputs.rights) {
    const { applyRightsIn } = await import("../adapters/postgres/rights/apply.ts");
    await applyRightsIn(server, inputs.schema, inputs.rights);
  }
  if (inputs.current) await useReleaseState(server, inputs.schema);
  return { ...inputs, seededRows };
}
