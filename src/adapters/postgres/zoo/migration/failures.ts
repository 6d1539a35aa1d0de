import pg from "pg";
import { OperatorError } from "../../../../domain/errors.ts";
import { sqlState } from "../../server.ts";
import { refuse } from "../refusals.ts";

/** A row that points where it did before, although its change was accepted: a trigger changed it again. */
export class UndoneRow extends Error {
  override readonly name = "UndoneRow";

  constructor() {
    super("it does not hold what was written; look for a trigger that changes it again");
  }
}

/**
 * Classes of SQLSTATE that are about the server, the session or the table as a whole; every other is about a row, such as a
 * constraint or what a trigger raises (https://www.postgresql.org/docs/current/errcodes-appendix.html). MG are those of take-backs.
 */
const aboutAll = [
  "08",
  "0A",
  "25",
  "26",
  "28",
  "34",
  "3D",
  "3F",
  "40",
  "42",
  "53",
  "54",
  "55",
  "57",
  "58",
  "F0",
  "XX",
  "MG",
];

/** Why one row cannot be changed while others can; undefined for errors that no other row would be spared. */
export function rowFailure(error: unknown): string | undefined {
  if (error instanceof UndoneRow) return error.message;
  const state = sqlState(error);
  if (state === undefined || aboutAll.includes(state.slice(0, 2))) return undefined;
  return answered(error);
}

/** An error that PostgreSQL answered, as one sentence; what is no such error stays what it is. */
export function toldFailure(error: unknown, what: string): unknown {
  if (error instanceof OperatorError || !(error instanceof pg.DatabaseError)) return error;
  return refuse(
    "migration.statement-failed",
    { what, answered: answered(error), advice: advice(sqlState(error) ?? "") },
    error,
  );
}

/** PostgreSQL's own words, with the detail that names values. */
function answered(error: unknown): string {
  const { message, detail, code } = error as pg.DatabaseError;
  const more = detail === undefined ? "" : `, ${detail.replace(/\.$/, "")}`;
  return `${message}${more} (SQLSTATE ${code})`;
}

function advice(state: string): string {
  if (state === "25006")
    return "the server or the login is read-only, give the primary's address and a login that may write";
  if (state === "57014")
    return "raise statement_timeout for the login, or make the index that `menagerie rollout plan` names";
  if (state === "42501") return "grant what is missing";
  if (state.startsWith("53")) return "free what the server has run out of, and run the same again";
  return "correct it and run the same again";
}
