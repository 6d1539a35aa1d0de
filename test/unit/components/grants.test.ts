import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

/**
 * Grants of the platform's roles that were ever released, as test/golden/grants.json keeps them. `UPDATE_GOLDENS=1` adds what is new and
 * changes nothing.
 *
 * The provider replaces a grant whose objects, columns or (for columns) privileges change: it deletes the right, then makes it again. In
 * between the role is without it, and stays so where the run is killed there. So a grant that was released stays as it is, or goes as a
 * whole; what is to be granted besides is another grant.
 */

interface Grant {
  readonly role: string;
  readonly objectType: string;
  readonly objects?: readonly string[];
  readonly columns?: readonly string[];
  readonly privileges: readonly string[];
}

const golden = (name: string): string => join(import.meta.dirname, "../../golden", name);
const read = (name: string): unknown => JSON.parse(readFileSync(golden(name), "utf8"));
const type = "postgresql:index/grant:Grant ";

const { resources } = read("staging.json") as { resources: Record<string, Grant> };
const declared = Object.fromEntries(
  Object.entries(resources)
    // Roles of what is recorded are as many as a stack has shadows.
    .filter(([key, { role }]) => key.startsWith(type) && /^(public|menagerie_)/.test(role))
    .map(([key, inputs]) => [key.slice(type.length), inputs]),
);

it("are never edited, and none is declared in the place of one that is gone", () => {
  const released = read("grants.json") as Record<string, Grant>;
  if (process.env.UPDATE_GOLDENS) {
    writeFileSync(golden("grants.json"), `${JSON.stringify({ ...declared, ...released }, null, 2)}\n`);
  }
  const all = read("grants.json") as Record<string, Grant>;
  for (const [name, grant] of Object.entries(declared)) expect({ [name]: grant }).toEqual({ [name]: all[name] });
  const objectsOf = ({ role, objects = [] }: Grant): string[] => objects.map((object) => `${role} on ${object}`);
  const gone = new Set(Object.keys(all).flatMap((name) => (name in declared ? [] : objectsOf(all[name] as Grant))));
  // It is deleted after the new one is made, with what both grant.
  expect(
    Object.values(declared)
      .flatMap(objectsOf)
      .filter((each) => gone.has(each)),
  ).toEqual([]);
});

it("on whole tables are one for each role and table, for each begins by revoking what the role has there", () => {
  const tables = Object.values(declared).filter(({ objectType }) => objectType === "table");
  const granted = tables.flatMap(({ role, objects = [] }) => objects.map((object) => `${role} on ${object}`));
  expect(granted.filter((each, index) => granted.indexOf(each) !== index)).toEqual([]);
});
