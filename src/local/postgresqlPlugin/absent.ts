import { DatabaseUnreachable, sqlState } from "../../adapters/postgres/server.ts";

/** Undefined database, schema, table, column, object (which a role is too). */
const absent = new Set(["3D000", "3F000", "42P01", "42703", "42704"]);

/** The answer of `work`, or undefined where what it works on, or what that is part of, does not exist. */
export async function unlessAbsent<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DatabaseUnreachable && error.absent) return undefined;
    if (absent.has(sqlState(error) ?? "")) return undefined;
    throw error;
  }
}
