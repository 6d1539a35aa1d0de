import type { VersionRegistration } from "../adapters/postgres/modelVersions.ts";
import { asDeployer, type DatabaseInput } from "./databaseServer.ts";
import type { Handler } from "./handler.ts";

export interface ModelVersionInputs extends VersionRegistration, DatabaseInput {}

export interface ModelVersionOutputs extends ModelVersionInputs {
  /** Id of the row. */
  readonly versionId: string;
}

/** A registered version of a zoo model. Deleting the resource leaves its row: apps and releases may name it. */
export const modelVersion: Handler<ModelVersionInputs, ModelVersionOutputs> = {
  inputs: ["model", "organization", "number", "hash", "digest", "current"],
  replaceOn: ["model", "organization", "number", "hash"],
  check: async ({ number }) =>
    typeof number !== "number" || (Number.isInteger(number) && number >= 1 && number <= 99_999)
      ? []
      : [{ property: "number", reason: `${number} is no version number; use 1 to 99999` }],
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
  delete: async () => {},
};

async function register(inputs: ModelVersionInputs): Promise<string> {
  const { registerVersion } = await import("../adapters/postgres/modelVersions.ts");
  return asDeployer(inputs, (client) => registerVersion(client, inputs));
}
