import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { load } from "js-yaml";
import { z } from "zod";
import { projectFolder } from "../local/localStack.ts";
import type { DeployedModel } from "./models.ts";

/** A truss's `examples.yaml`: named inputs to try the model with. */
const examples = z.array(z.looseObject({ input: z.json() })).min(1);

/** A `curl` line that predicts with `model`, with the first example of its truss folder. */
export async function exampleCall(model: DeployedModel): Promise<string> {
  const text = await readFile(join(projectFolder, model.truss, "examples.yaml"), "utf8").catch(() => undefined);
  const parsed = text === undefined ? undefined : examples.safeParse(load(text));
  const input = parsed?.data?.[0]?.input ?? {};
  const body = JSON.stringify(input).replaceAll("'", "'\\''");
  return `curl -s ${model.url} -H 'content-type: application/json' -d '${body}'`;
}
