import * as fc from "fast-check";
import { runMigration } from "../../../../../../../src/adapters/postgres/zoo/migration/run.ts";
import { movingTarget } from "../../../../../../../src/adapters/postgres/zoo/migration/target.ts";
import { silent } from "../../../../../../../src/domain/progress.ts";
import { fill, type ModelVersionTable, makeModelVersionTable } from "../../../../../../support/modelVersionTable.ts";
import type { TestPostgres } from "../../../../../../support/postgres.ts";
import { watched } from "./client.ts";
import { from, Model, type ModelRow, type Step, to } from "./model.ts";

const place = fc.nat({ max: 40 });
const pointer = fc.constantFrom("1", "2", "3");

/** Something that a user does. */
export const userStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("point" as const), row: place, to: fc.option(pointer) }),
  fc.record({
    kind: fc.constant("edit" as const),
    row: place,
    name: fc.string({ maxLength: 5, unit: "grapheme-ascii" }),
  }),
  fc.record({ kind: fc.constant("delete" as const), row: place }),
  fc.record({
    kind: fc.constant("insert" as const),
    organization: fc.option(fc.constantFrom("organization 1", "organization 2", "'; --")),
    to: pointer,
  }),
);

/** Something that a user or an operator does. */
export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: userStep },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("forward" as const), share: fc.constantFrom(30, 70, 100) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("reverted" as const), revert: fc.constantFrom("journaled", "all") }),
  },
);

/** A table and its model, which take the same steps. */
export class World {
  readonly table: ModelVersionTable;
  readonly model: Model;
  /** Rows that a user pointed somewhere, and where: what runs do to them has no one right answer while it happens. */
  readonly pointed = new Map<string, string | null>();
  #next = 1_000;

  private constructor(table: ModelVersionTable, model: Model) {
    this.table = table;
    this.model = model;
  }

  static async make(postgres: TestPostgres, apps: number): Promise<World> {
    const table = await makeModelVersionTable(postgres);
    await fill(table, apps);
    return new World(table, new Model(await rowsOf(table)));
  }

  /** A step of a user, in the table and in the model. */
  async user(step: Step): Promise<void> {
    const { name: table } = this.table;
    const { rows } = this.model;
    if (step.kind === "insert") {
      this.#next += 1;
      const id = String(this.#next);
      rows.set(id, { proxy: step.to, name: "made", organization: step.organization });
      this.pointed.set(id, step.to);
      await this.table.query(
        `INSERT INTO ${table} (id, proxy_model_version_id, organization_id, name) VALUES ($1, $2, $3, 'made')`,
        [id, step.to, step.organization],
      );
      return;
    }
    const id = "row" in step ? this.model.idAt(step.row) : undefined;
    const row = id === undefined ? undefined : rows.get(id);
    if (id === undefined || !row) return;
    if (step.kind === "delete") {
      rows.delete(id);
      await this.table.query(`DELETE FROM ${table} WHERE id = $1`, [id]);
    } else if (step.kind === "edit") {
      row.name = step.name;
      await this.table.query(`UPDATE ${table} SET name = $2 WHERE id = $1`, [id, step.name]);
    } else if (step.kind === "point") {
      row.proxy = step.to;
      this.pointed.set(id, step.to);
      await this.table.query(`UPDATE ${table} SET proxy_model_version_id = $2 WHERE id = $1`, [id, step.to]);
    }
  }

  /** A run, with something that happens before each of its statements. */
  async run(step: Step, before?: (number: number) => Promise<void>): Promise<void> {
    const request = requestOf(step);
    await movingTarget(this.table.connection, (client, target) =>
      runMigration(before ? watched(client, { before }) : client, target, request, { progress: silent, batchRows: 4 }),
    );
  }

  /** A step of either, on a world where nothing else happens meanwhile. */
  async take(step: Step): Promise<void> {
    if (step.kind !== "forward" && step.kind !== "reverted") return this.user(step);
    this.model.run(requestOf(step));
    await this.run(step);
  }

  rows(): Promise<Map<string, ModelRow>> {
    return rowsOf(this.table);
  }

  async journal(): Promise<Map<string, string>> {
    const rows = await this.table.query<{ id: string; state: string }>(
      `SELECT row_id AS id, r.state FROM menagerie_migrations.zoo_migration_row r
         JOIN menagerie_migrations.zoo_migration m ON m.id = migration_id WHERE target = $1`,
      [this.table.name],
    );
    return new Map(rows.map(({ id, state }) => [id, state]));
  }
}

export function requestOf(step: Step) {
  const direction = step.kind === "forward" ? ("forward" as const) : ("reverted" as const);
  return {
    name: "iris",
    from,
    to,
    direction,
    share: step.kind === "forward" ? step.share : 100,
    revert: step.kind === "reverted" ? step.revert : ("journaled" as const),
  };
}

async function rowsOf({ query, name }: ModelVersionTable): Promise<Map<string, ModelRow>> {
  const rows = await query<ModelRow & { id: string }>(
    `SELECT id::text AS id, proxy_model_version_id::text AS proxy, name, organization_id AS organization
       FROM ${name} WHERE id > 100`,
  );
  return new Map(rows.map(({ id, ...row }) => [id, row]));
}
