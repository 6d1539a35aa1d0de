import type { VersionRegistration } from "../adapters/postgres/modelVersions.ts";
import { OperatorError } from "../domain/errors.ts";
import { clauseOf } from "../domain/refusals/refusal.ts";
import type { DatabaseInput } from "../providers/databaseInput.ts";
import { asDeployer } from "../providers/databaseServer.ts";
import type { Due, Handler } from "../providers/handler.ts";
import { refuse } from "../providers/refusals.ts";

export interface ModelVersionInputs extends VersionRegistration, DatabaseInput, Due {}

export interface ModelVersionOutputs extends ModelVersionInputs {
  /** Id of the row. */
  readonly versionId: string;
}

/** Lets a stack be destroyed that apps still point into. Read at call time. */
export const deleteReferenced = "MENAGERIE_DELETE_REFERENCED";

/**
 * A registered version of a zoo model that is served. Deleting the resource leaves its row, for releases may name it; it is
 * refused while apps point at the version or a rollout needs it. What serves it is deleted after this, so then not at all.
 */
export const modelVersion: Handler<ModelVersionInputs, ModelVersionOutputs> = {
  inputs: {
    model: "replace",
    organization: "replace",
    number: "replace",
    hash: "replace",
    digest: "update",
    url: "update",
    serving: "update",
    current: "update",
    database: "ignore",
  },
  check: async ({ number }) =>
    typeof number !== "number" || (Number.isInteger(number) && number >= 1 && number <= 99_999)
      ? []
      : [{ property: "number", reason: `${number} is not a version number; use 1 to 99999` }],
  async create(inputs) {
    const versionId = await register(inputs);
    return { id: versionId, outs: { ...inputs, versionId } };
  },
  async update(_id, _olds, news) {
    return { ...news, versionId: await register(news) };
  },
  async exists(id, props) {
    const { versionExists } = await import("../adapters/postgres/modelVersions.ts");
    return asDeployer(props, (client) => versionExists(client, id, props.hash));
  },
  async delete(id, props) {
    const { retireVersion } = await import("../adapters/postgres/modelVersions.ts");
    const unused = process.env[deleteReferenced] !== "true";
    await asDeployer(props, (client) => retireVersion(client, id, { unused })).catch((error: unknown) => {
      if (!(error instanceof OperatorError)) throw error;
      // The database may be gone before its versions.
      if (!unused) return;
      throw refuse("version.still-used", { ...clauseOf(error), deleteReferenced }, error);
    });
  },
};

async function register(inputs: ModelVersionInputs): Promise<string> {
  const { registerVersion } = await import("../adapters/postgres/modelVersions.ts");
  return asDeployer(inputs, (client) => registerVersion(client, inputs));
}
