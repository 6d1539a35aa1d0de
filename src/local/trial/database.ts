import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { quoteIdentifier } from "../../adapters/postgres/identifier.ts";
import { declareTables } from "../../adapters/postgres/releaseState/declare.ts";
import { makeDumpedTables } from "../../adapters/postgres/releaseState/dump.ts";
import { ensureExtensions } from "../../adapters/postgres/releaseState/extensions.ts";
import { searchPath } from "../../adapters/postgres/releaseState/searchPath.ts";
import { applyRights } from "../../adapters/postgres/rights/apply.ts";
import { releaseRights } from "../../adapters/postgres/rights/files.ts";
import { type DatabaseServer, withClient } from "../../adapters/postgres/server.ts";
import { actAs, inTransaction } from "../../adapters/postgres/transaction.ts";
import { platformDatabase, roles } from "../../domain/platformDatabase.ts";
import { declaredRelations } from "../../domain/release/declaredRelations.ts";
import { releaseRoles } from "../../domain/release/stateSchema.ts";
import type { RunnableState } from "../../domain/trial/combination.ts";
import { initializePostgres, postgres, superuser } from "../control/postgres.ts";
import { addresses, ports } from "../network/addresses.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import type { TrialPlace } from "./place.ts";

/** The state of a trial, as its inner process makes it. */
export interface SpecifiedState extends RunnableState {
  /** Folder of the dump whose rows it has; null for what the SQL files insert alone. */
  readonly dump: string | null;
  /** Of the trial's own PostgreSQL. */
  readonly superuserPassword: string;
  /** Of the login that the models get. */
  readonly servicePassword: string;
}

/** The PostgreSQL of one trial: a server of its own, with the schema of one release and its logins. */
export class TrialDatabase {
  readonly #supervisor: Supervisor;
  readonly #state: SpecifiedState;

  constructor(place: TrialPlace, state: SpecifiedState) {
    this.#state = state;
    const data = join(place.folder, "postgres");
    const context = { layout: { postgres: data }, state: { postgresPassword: state.superuserPassword } };
    const initialize = initializePostgres(context);
    this.#supervisor = new Supervisor({
      parts: [{ ...postgres(context), after: ["settings"] }],
      steps: [
        initialize,
        {
          name: "settings",
          after: [initialize.name],
          // It is not there any more after a crash.
          run: () => writeFile(join(data, "postgresql.auto.conf"), "fsync = off\nfull_page_writes = off\n"),
        },
      ],
      logs: place.folder,
      log: (line) => process.stderr.write(`${line}\n`),
    });
  }

  /**
   * Starts the server and makes the state.
   * @param say - told what is under way, such as the table that is filled
   */
  async start(say: (detail: string) => void, signal: AbortSignal): Promise<void> {
    say("PostgreSQL starts");
    await this.#supervisor.start();
    signal.throwIfAborted();
    await fill(this.#state, say, signal);
  }

  stop(): Promise<void> {
    return this.#supervisor.stop(stopGraceMs);
  }
}

const stopGraceMs = 3_000;

async function fill(state: SpecifiedState, say: (detail: string) => void, signal: AbortSignal): Promise<void> {
  const server: DatabaseServer = {
    host: addresses.host,
    port: ports.postgres,
    user: superuser,
    password: state.superuserPassword,
    sslMode: "disable",
    maintenanceDatabase: "postgres",
  };
  const { schema } = state;
  const logins = releaseRoles(schema);
  await withClient(server, server.maintenanceDatabase, async (client) => {
    for (const role of [roles.owner, roles.state, logins.pipeline]) {
      await client.query(`CREATE ROLE ${quoteIdentifier(role)}`);
    }
    const password = state.servicePassword.replaceAll("'", "''");
    await client.query(`CREATE ROLE ${quoteIdentifier(logins.service)} LOGIN PASSWORD '${password}'`);
    await client.query(`ALTER ROLE ${quoteIdentifier(logins.service)} SET search_path = ${searchPath(schema)}`);
    await client.query(`CREATE DATABASE ${quoteIdentifier(platformDatabase)} OWNER ${quoteIdentifier(roles.owner)}`);
  });
  await withClient(server, platformDatabase, async (client) => {
    await inTransaction(client, async () => {
      if (state.dump === null) await declare(client, state);
      else await makeDumpedTables(client, state.dump, { signal, update: say });
    });
    await client.query("RESET ROLE");
    await inTransaction(client, async () => applyRights(client, schema, await rightsIn(state)));
  });
}

async function declare(client: ClientBase, { tag, schema, files, tables, extensions }: RunnableState): Promise<void> {
  await client.query(`CREATE SCHEMA ${quoteIdentifier(schema)} AUTHORIZATION ${quoteIdentifier(roles.state)}`);
  await ensureExtensions(client, extensions);
  await actAs(client, roles.state);
  await declareTables(client, { tag, schema, files, tables: tables.map((table) => ({ ...table, from: null })) });
}

function rightsIn({ schema, files, tables }: RunnableState) {
  const relations = files.map(({ sql }) => declaredRelations(sql));
  return releaseRights({
    schema,
    tables: tables.map((table) => ({ ...table, from: null })),
    views: relations.flatMap(({ views }) => views),
    sequences: relations.some(({ sequences }) => sequences),
  });
}
