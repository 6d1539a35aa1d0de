import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { load } from "js-yaml";
import type { ZooEntrySpec } from "../config/environment.ts";
import { keyPath } from "../config/sentences.ts";
import { messageOf } from "../domain/errors.ts";
import { type Refusal, refusal, refused } from "../domain/refusals/refusal.ts";
import { type SmokeCase, smokeSetSchema } from "../domain/zoo/smoke.ts";

/** File of a truss folder that is taken where the config names none. */
const usualFile = "smoke.yaml";

/**
 * The smoke set of each model that has one, from the config or from a file in its truss folder. Throws one `OperatorError` with
 * a sentence for each file that is none.
 */
export function smokeSets(
  zoo: Readonly<Record<string, Pick<ZooEntrySpec, "smoke" | "truss">>>,
  project: string,
): Map<string, readonly SmokeCase[]> {
  const sets = new Map<string, readonly SmokeCase[]>();
  const issues: Refusal[] = [];
  for (const [name, { smoke, truss }] of Object.entries(zoo)) {
    const at = keyPath(["zoo", name, "smoke"]);
    const file = join(truss, typeof smoke === "string" ? smoke : usualFile);
    try {
      const raw = Array.isArray(smoke) ? smoke : readYaml(resolve(project, file), smoke !== undefined);
      if (raw === undefined) continue;
      const parsed = smokeSetSchema.safeParse(raw);
      if (parsed.success) sets.set(name, parsed.data);
      else {
        const [issue] = parsed.error.issues;
        const where = [...(Array.isArray(smoke) ? [] : [file]), ...placeIn(issue?.path ?? [])].join(", ");
        const problem = issue?.message ?? "";
        issues.push(refusal("smoke.wrong", at, { where: where || "the list", problem }));
      }
    } catch (error) {
      // Below the first line, the library draws the place.
      const [reason = ""] = messageOf(error).split("\n");
      issues.push(refusal("smoke.unreadable", at, { file, reason }));
    }
  }
  if (issues.length > 0) throw refused(issues);
  return sets;
}

/** `case 2, input`: cases are counted from 1. */
function placeIn([index, ...rest]: readonly PropertyKey[]): string[] {
  return index === undefined ? [] : [`case ${Number(index) + 1}`, ...(rest.length > 0 ? [rest.join(".")] : [])];
}

function readYaml(path: string, named: boolean): unknown {
  try {
    return load(readFileSync(path, "utf8"));
  } catch (error) {
    if (!named && (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
