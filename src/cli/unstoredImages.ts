import { holdsImage } from "../adapters/images/imageStore.ts";
import { inTransaction } from "../adapters/postgres/transaction.ts";
import { readZooRegistry } from "../adapters/postgres/zoo/registry.ts";
import { describeUsers, type NeededVersion, neededVersions } from "../domain/zoo/goneImages.ts";
import { asOperator } from "./operatorDatabase.ts";

/** A version whose pods run on, and of which none could start anew. */
export interface UnstoredVersion {
  /** Name of the zoo model. */
  readonly model: string;
  readonly version: number;
  readonly versionId: string;
  /** `<url>@sha256:<digest>` */
  readonly image: string;
  /** Who needs it, in a few words. */
  readonly users: string;
}

/** The zoo's versions that an environment serves, or goes back to, while its image store has lost their images. */
export async function unstoredVersions(environment: string, store: string): Promise<UnstoredVersion[]> {
  // Of another stack's database, whose images are elsewhere.
  if (process.env.MENAGERIE_DATABASE_URL) return [];
  const registry = await asOperator(environment, (client) =>
    inTransaction(client, () => readZooRegistry(client, []), { readOnly: true }),
  );
  const needed = await Promise.all(neededVersions(registry).map((each) => unstored(each, store)));
  return needed.filter((each) => each !== undefined);
}

async function unstored(needed: NeededVersion, store: string): Promise<UnstoredVersion | undefined> {
  const { model, row } = needed;
  if (row.image === undefined || (await holdsImage(store, row.image))) return undefined;
  return { model, version: row.number, versionId: row.id, image: row.image, users: describeUsers(needed) };
}
