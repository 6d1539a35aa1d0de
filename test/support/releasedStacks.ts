import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { StateName } from "./stateNames.ts";

/**
 * What states of a released program hold, as test/fixtures/released keeps it: of each stack, and of each case of a model, the URN of every
 * resource (without stack and project), and its handler's kind where it is a dynamic one. A file is named by the commit, and is made
 * there: `RELEASED=<commit> npx vitest run --no-file-parallelism test/unit/components`.
 */
type Released = Record<string, Record<string, string | null>>;

const folder = join(import.meta.dirname, "../fixtures/released");
const fileOf = (commit: string): string => join(folder, `${commit}.json`);
const read = (commit: string): Released => JSON.parse(readFileSync(fileOf(commit), "utf8"));

/** The `main` whose states have to be taken over as they are. */
export const releasedCommit = "25094bd";

/** Of a stack, or of a case of a model. */
export function released(name: string): Record<string, string | null> {
  const found = read(releasedCommit)[name];
  if (!found) throw new Error(`${fileOf(releasedCommit)} has no "${name}"`);
  return found;
}

/** What leaves a state on purpose, by its type, and why that interrupts nothing. */
const leaving: readonly { readonly type: string; readonly why: string }[] = [
  {
    type: "postgresql:index/grant:Grant",
    why: "what a role may do becomes SQL; a state that has grants keeps them until the rights are in, and no right is revoked",
  },
];

/**
 * Lines for what a released state has and `names` have not, under no alias either: `up` would delete it, or make it anew beside what is
 * there; and for what is handled by another kind of handler.
 */
export function lostFrom(name: string, names: readonly StateName[]): string[] {
  keep(name, names);
  const byUrn = new Map(names.flatMap((each) => [each.urn, ...each.aliases].map((urn) => [urn, each] as const)));
  return Object.entries(released(name)).flatMap(([urn, kind]) => {
    const found = byUrn.get(urn);
    if (!found) return leaving.some(({ type }) => typeOf(urn) === type) ? [] : [`${urn} is not declared any more`];
    if (kind !== null && found.kind !== kind) return [`${urn} is of kind ${found.kind}, not ${kind}`];
    return [];
  });
}

const typeOf = (urn: string): string | undefined => urn.split("::")[0]?.split("$").at(-1);

/** Adds to the file of the commit that is released, where one is. */
function keep(name: string, names: readonly StateName[]): void {
  const commit = process.env.RELEASED;
  if (!commit) return;
  const before = existsSync(fileOf(commit)) ? read(commit) : {};
  const entries = names.map(({ urn, kind }) => [urn, kind ?? null] as const).sort(([a], [b]) => (a < b ? -1 : 1));
  mkdirSync(dirname(fileOf(commit)), { recursive: true });
  writeFileSync(fileOf(commit), `${JSON.stringify({ ...before, [name]: Object.fromEntries(entries) }, null, 1)}\n`);
}
