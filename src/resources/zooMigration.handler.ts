import type { ClientBase } from "pg";
import type { MigrationConnection, MigrationTarget } from "../adapters/postgres/zoo/migration/target.ts";
import { messageOf, OperatorError } from "../domain/errors.ts";
import { ofTarget } from "../domain/printedCommands.ts";
import { sentenceOf } from "../domain/refusals/clause.ts";
import type { ExistingTable } from "../domain/zoo/existingTable.ts";
import { type MigrationRequest, noRows, type RowCounts, requestIssues } from "../domain/zoo/migration.ts";
import type { DatabaseInput } from "../providers/databaseInput.ts";
import { databaseServer, migrationTargetServer } from "../providers/databaseServer.ts";
import type { CheckFailure, Due, Handler } from "../providers/handler.ts";
import { hostProgress, untilTerminated } from "../providers/host.ts";

export interface ZooMigrationInputs extends MigrationRequest, DatabaseInput, Due {
  /**
   * Table that holds the rows, in an existing database.
   * @default the platform's model versions
   */
  readonly target?: ExistingTable | undefined;
  /** Secret url of the existing database; needed with {@link target}. MENAGERIE_MIGRATION_DATABASE_URL wins over it. */
  readonly targetUrl?: string | undefined;
  /**
   * The guard took the content back before this was planned: nothing moves, and the journal stays as the guard left it.
   * @default false
   */
  readonly takenBack?: boolean | undefined;
}

export interface ZooMigrationOutputs extends ZooMigrationInputs {
  /** Id of the migration in the journal; empty where the content was taken back before any app moved. */
  readonly migrationId: string;
  /** How often apps were moved forward between these two versions, reverts between. */
  readonly generation: number;
  readonly state: "done" | "paused";
  /** All rows of the journal by what became of them; their ids are in the journal and in {@link file}. */
  readonly counts: RowCounts;
  /** Lines of `id<TAB>state`, on the machine that ran `up`; empty where it could not keep them. */
  readonly file: string;
}

/**
 * Apps moved from one zoo version to another, or back. Deleting the resource changes no row and keeps the journal: a line
 * that is removed from the config must not move anybody.
 */
export const zooMigration: Handler<ZooMigrationInputs, ZooMigrationOutputs> = {
  inputs: {
    name: "update",
    from: "replace",
    to: "replace",
    direction: "update",
    revert: "update",
    share: "update",
    paused: "update",
    rowsPerSecond: "update",
    resumes: "ignore",
    expected: "ignore",
    takenBack: "ignore",
    target: "replace",
    targetUrl: "update",
    database: "ignore",
  },
  check: async (request) => failures(request),
  create: async (request) => {
    const outs = await run(request);
    return { id: `${request.from}-${request.to}`, outs };
  },
  update: (_id, _olds, news) => run(news),
  async exists(_id, props) {
    const { readingTarget } = await import("../adapters/postgres/zoo/migration/target.ts");
    const { findMigration } = await import("../adapters/postgres/zoo/migration/journal.ts");
    return readingTarget(connection(props), async (client, target) => {
      const found = await findMigration(client, target, props);
      return (found?.id ?? "") === props.migrationId;
    });
  },
};

/** Values of a preview may be unknown yet; those are text, and what is not text is known. */
function failures(request: ZooMigrationInputs): CheckFailure<ZooMigrationInputs>[] {
  const known = (value: unknown) => typeof value === "number" || value === undefined;
  const { share, rowsPerSecond } = request;
  const judged = {
    ...request,
    share: known(share) ? share : undefined,
    rowsPerSecond: known(rowsPerSecond) ? rowsPerSecond : undefined,
  };
  const property = "direction";
  return requestIssues(judged).map((issue) => ({ property, reason: sentenceOf(issue) }));
}

/** What the journal has of a content that is taken back. */
async function standingOf(
  client: ClientBase,
  target: MigrationTarget,
  request: ZooMigrationInputs,
): Promise<Pick<ZooMigrationOutputs, "migrationId" | "generation" | "state" | "counts">> {
  const { countRows, findMigration } = await import("../adapters/postgres/zoo/migration/journal.ts");
  const found = await findMigration(client, target, request);
  const counts = found ? await countRows(client, target, found.id) : noRows;
  return { migrationId: found?.id ?? "", generation: found?.generation ?? 0, state: "paused", counts };
}

// Loaded when needed: a preview only checks and compares.
async function run(request: ZooMigrationInputs): Promise<ZooMigrationOutputs> {
  const { movingTarget } = await import("../adapters/postgres/zoo/migration/target.ts");
  const { runMigration } = await import("../adapters/postgres/zoo/migration/run.ts");
  const { affectedFile, writeAffected } = await import("../adapters/postgres/zoo/migration/affectedFile.ts");
  return untilTerminated((signal) =>
    movingTarget(connection(request), async (client, target) => {
      const progress = hostProgress();
      const result = request.takenBack
        ? await standingOf(client, target, request)
        : await runMigration(client, target, request, { progress, signal });
      const { migrationId, generation, state, counts } = result;
      if (migrationId === "") return { ...request, ...result, file: "" };
      const file = affectedFile(request);
      // What moved is in the journal: a machine that cannot keep a file does not fail the `up`.
      const written = await writeAffected(client, target, migrationId, file).then(
        () => true,
        (error: unknown) => progress.note(`migration ${request.name}: ${file} was not written (${messageOf(error)})`),
      );
      return { ...request, migrationId, generation, state, counts, file: written ? file : "" };
    }).catch((error: unknown) => {
      if (error instanceof OperatorError && request.target) error.message = ofTarget(error.message, stackFile());
      throw error;
    }),
  );
}

/** What a command names the table by: environments of `menagerie` have one stack, of others the provider is not told the name. */
function stackFile(): string {
  return `Pulumi.${process.env.MENAGERIE_ENVIRONMENT ? "local" : "<stack>"}.yaml`;
}

function connection(request: ZooMigrationInputs): MigrationConnection {
  const { target: existing, targetUrl } = request;
  if (!existing) return { server: databaseServer(request) };
  return { server: migrationTargetServer(targetUrl), existing };
}
