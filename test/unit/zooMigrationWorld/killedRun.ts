/**
 * A process that runs one migration and kills itself with SIGKILL at one of its statements: before it is sent, while the
 * server works on it, or after its answer. Arguments: JSON of {@link KilledRun}. Exits with 0 when it got through.
 */
import { runMigration } from "../../../src/adapters/postgres/zoo/migration/run.ts";
import { type MigrationConnection, movingTarget } from "../../../src/adapters/postgres/zoo/migration/target.ts";
import { silent } from "../../../src/domain/progress.ts";
import type { MigrationRequest } from "../../../src/domain/zoo/migration.ts";
import { watched } from "./client.ts";

export interface KilledRun {
  readonly connection: MigrationConnection;
  readonly request: MigrationRequest;
  readonly batchRows: number;
  readonly statement: number;
  readonly when: "before" | "sent" | "after";
}

const { connection, request, batchRows, statement, when } = JSON.parse(process.argv[2] ?? "{}") as KilledRun;
const kill = (): void => {
  process.kill(process.pid, "SIGKILL");
};

await movingTarget(connection, (client, target) => {
  const killed = watched(client, {
    async before(number) {
      if (when === "before" && number === statement) kill();
    },
    sent(number) {
      // The message leaves with this turn of the event loop.
      if (when === "sent" && number === statement) setImmediate(kill);
    },
    async after(number) {
      if (when === "after" && number === statement) kill();
    },
  });
  return runMigration(killed, target, request, { progress: silent, batchRows });
});
