import type { MigrationRequest, RowState } from "../../../../../../../src/domain/zoo/migration.ts";
import { inCohort } from "../../../../../../../src/domain/zoo/migrationCohort.ts";

/** What a user or a run does to the table. Rows are chosen by their place among those that exist. */
export type Step =
  | { readonly kind: "forward"; readonly share: number }
  | { readonly kind: "reverted"; readonly revert: "journaled" | "all" }
  | { readonly kind: "point"; readonly row: number; readonly to: string | null }
  | { readonly kind: "edit"; readonly row: number; readonly name: string }
  | { readonly kind: "delete"; readonly row: number }
  | { readonly kind: "insert"; readonly organization: string | null; readonly to: string };

export interface ModelRow {
  proxy: string | null;
  name: string;
  readonly organization: string | null;
}

/** The old and the new version. */
export const [from, to] = ["1", "2"] as const;

/** What the table and the journal must be after some steps, said in the simplest way. */
export class Model {
  readonly rows = new Map<string, ModelRow>();
  readonly journal = new Map<string, { state: RowState; generation: number }>();
  #migration: { generation: number; direction: "forward" | "reverted"; share: number } | undefined;

  constructor(rows: Iterable<readonly [string, ModelRow]>) {
    for (const [id, row] of rows) this.rows.set(id, { ...row });
  }

  /** Id of the row that a step means; undefined when there is none. */
  idAt(place: number): string | undefined {
    const ids = [...this.rows.keys()];
    return ids[place % Math.max(ids.length, 1)];
  }

  run(request: Pick<MigrationRequest, "name" | "direction"> & { share: number; revert: "journaled" | "all" }): void {
    const before = this.#migration;
    const { direction } = request;
    if (direction === "forward") {
      const again = before?.direction === "reverted";
      const share = before && !again ? Math.max(before.share, request.share) : request.share;
      this.#migration = { direction, share, generation: (before?.generation ?? 1) + Number(again) };
      this.#forward(request.name, this.#migration);
    } else {
      this.#migration = { generation: 1, share: 100, ...before, direction };
      this.#revert();
      if (request.revert === "all") this.#sweep(this.#migration.generation);
    }
  }

  #forward(name: string, { generation, share }: { generation: number; share: number }): void {
    for (const [id, row] of this.rows) {
      const touched = (this.journal.get(id)?.generation ?? 0) >= generation;
      if (row.proxy !== from || touched || !inCohort(name, row.organization, share)) continue;
      row.proxy = to;
      this.journal.set(id, { state: "forward", generation });
    }
  }

  #revert(): void {
    for (const [id, entry] of this.journal) {
      if (entry.state !== "forward") continue;
      const row = this.rows.get(id);
      if (row?.proxy === to) row.proxy = from;
      else entry.state = row ? "changed" : "deleted";
      if (entry.state === "forward") entry.state = "reverted";
    }
  }

  #sweep(generation: number): void {
    for (const [id, row] of this.rows) {
      if (row.proxy !== to) continue;
      row.proxy = from;
      this.journal.set(id, { state: "swept", generation });
    }
  }
}
