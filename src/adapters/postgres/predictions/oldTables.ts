import { refuse } from "../refusals.ts";
import { sqlState } from "../server.ts";

const undefinedColumn = "42703";

/** An error of a statement over prediction tables: what to do, where they are those of an earlier release; else the error itself. */
export function explained(error: unknown, schema: string): unknown {
  return sqlState(error) === undefinedColumn ? refuse("predictions.old-tables", { schema }, error) : error;
}
