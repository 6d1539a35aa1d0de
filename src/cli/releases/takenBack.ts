import type { ClientBase } from "pg";
import { readTakenBack } from "../../adapters/postgres/takeBack/takeBacks.ts";
import type { RestorableDeployment } from "../../domain/release/record.ts";
import { describeTakeBack } from "../../domain/zoo/takeBack.ts";
import { refuse } from "../refusals.ts";

/**
 * The deployment, unless a content of it is one that the guard took back since, and nobody resumed.
 * @throws OperatorError with the model and the sentence.
 */
export async function withoutTakenBack(client: ClientBase, found: RestorableDeployment): Promise<RestorableDeployment> {
  const taken = (await readTakenBack(client)).find(({ model, hash }) =>
    found.models.some((each) => each.name === model && each.hash === hash),
  );
  if (!taken) return found;
  const { model } = taken;
  throw refuse("release.taken-back", { tag: found.tag, model, state: describeTakeBack(taken, new Date()) });
}
