import * as pulumi from "@pulumi/pulumi";
import { migrate } from "../../src/adapters/postgres/migrate.ts";
import { platformRights } from "../../src/adapters/postgres/rights/files.ts";
import type { DatabaseServer } from "../../src/adapters/postgres/server.ts";
import { silent } from "../../src/domain/progress.ts";
import { difference, issuesIn, kindOf } from "../../src/local/postgresqlPlugin/provider.ts";
import { plain } from "../../src/local/postgresqlPlugin/wire.ts";
import { emptyPlatform, environmentOf } from "./componentEnvironment.ts";

/** Password of every role that logs in. */
export const rolePassword = "role-password";

/**
 * Makes everything that `components/platformDatabase.ts` declares on a real server, in the order of its dependencies: each
 * resource by the local plugin's own code, tables and rights by the migrations. Answers what was declared of the plugin's.
 */
export async function makePlatformTables(server: DatabaseServer): Promise<{ type: string; inputs: object }[]> {
  const made: { type: string; inputs: object }[] = [];
  await pulumi.runtime.setMocks(
    {
      async newResource({ type, name, inputs: marked, id }) {
        const inputs = plain(marked) as Record<string, unknown>;
        if (type.startsWith("postgresql:index/")) {
          const kind = kindOf(type);
          const issues = issuesIn(kind, inputs);
          if (issues.length > 0) throw new Error(`${type} ${name}: ${JSON.stringify(issues)}`);
          await inTurn(async () => {
            await kind.ensure(server, inputs);
            const found = await kind.read(server, kind.idOf(inputs), inputs);
            const { changed } = difference(kind, found ?? {}, inputs);
            if (changed.length > 0) throw new Error(`${type} ${name} reads back with another ${changed}`);
          });
          made.push({ type, inputs });
        }
        if (type.endsWith(":PlatformSchema")) await migrate(server, silent, await platformRights());
        return { id: id ?? name, state: type.endsWith(":SecretValue") ? { ...inputs, value: rolePassword } : inputs };
      },
      call: ({ inputs }) => inputs,
    },
    "menagerie",
    "test",
  );
  const { PlatformDatabase } = await import("../../components/platformDatabase.ts");
  const platform = { ...emptyPlatform, schemaVersion: "test" };
  new PlatformDatabase("platform", { environment: environmentOf({}, { platform }) });
  await pulumi.runtime.disconnect();
  return made;
}

let last: Promise<unknown> = Promise.resolve();

/** One after another: each resource connects by itself, and a busy machine cannot take dozens of connections in time. */
function inTurn(work: () => Promise<void>): Promise<void> {
  const turn = last.then(work, work);
  last = turn;
  return turn;
}
