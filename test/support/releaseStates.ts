import type { ReleaseStateSpec } from "../../src/adapters/postgres/releaseState/ensure.ts";
import { declaredHash, type SeedRule, type StateFile, stateSchemaName } from "../../src/domain/release/stateSchema.ts";

/** Three tables with what a real state has: an identity, a foreign key, indexes, a generated column, a trigger. */
export const exampleFiles: readonly StateFile[] = [
  {
    name: "state/items.sql",
    sql: `
      CREATE TABLE item (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL,
        length int GENERATED ALWAYS AS (octet_length(name)) STORED,
        made_at timestamptz NOT NULL DEFAULT 'epoch',
        CONSTRAINT item_named CHECK (name <> '')
      );
      CREATE INDEX item_name ON item (lower(name)) WHERE name <> 'x';
      CREATE FUNCTION refuse_nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
      CREATE TRIGGER item_trigger BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION refuse_nothing();`,
  },
  {
    name: "state/events.sql",
    sql: `
      CREATE TABLE event (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), item_id bigint NOT NULL, at timestamptz);
      ALTER TABLE event ADD CONSTRAINT event_item_id_fkey FOREIGN KEY (item_id) REFERENCES item (id);
      CREATE INDEX event_item ON event (item_id);
      CREATE TABLE model (name text UNIQUE);`,
  },
];

export interface StateChange {
  readonly tag: string;
  /** Schema of the release before. @default none */
  readonly from?: string;
  /** @default {@link exampleFiles} */
  readonly files?: readonly StateFile[];
  /** @default those of the example */
  readonly tables?: readonly string[];
  /** @default copy */
  readonly seeds?: Readonly<Record<string, SeedRule>>;
  /** Schema that a table is seeded from. @default `from` */
  readonly bases?: Readonly<Record<string, string>>;
  readonly parallel?: number;
  readonly blocksPerChunk?: number;
}

/** The state of a release of the example, or of other files. */
export function stateOf(change: StateChange): ReleaseStateSpec {
  const { tag, from, seeds = {}, bases = {}, files = exampleFiles, parallel = 3 } = change;
  const names = change.tables ?? ["event", "item", "model"];
  return {
    blocksPerChunk: change.blocksPerChunk,
    tag,
    schema: stateSchemaName(tag),
    seedFrom: from ?? null,
    files,
    declared: declaredHash(files),
    parallel,
    tables: names.map((name) => {
      const seed = seeds[name] ?? "copy";
      return { name, seed, from: seed === "empty" ? null : (bases[name] ?? from ?? null) };
    }),
  };
}
