import type { DevelopmentRegistration } from "../adapters/postgres/developmentState.ts";
import type { DatabaseInput } from "../providers/databaseInput.ts";
import { asDeployer } from "../providers/databaseServer.ts";
import type { Handler } from "../providers/handler.ts";

export interface DevelopmentModelVersionInputs extends DevelopmentRegistration, DatabaseInput {}

export interface DevelopmentModelVersionOutputs extends DevelopmentModelVersionInputs {
  /** Id of the row. */
  readonly versionId: string;
}

/**
 * The row of a development version, changed in place by each full deployment. Deleting the resource leaves it, with the
 * patches: keys and clients name it, and declaring the model again goes on with it.
 */
export const developmentModelVersion: Handler<DevelopmentModelVersionInputs, DevelopmentModelVersionOutputs> = {
  inputs: {
    model: "replace",
    organization: "replace",
    number: "replace",
    hash: "update",
    digest: "update",
    database: "ignore",
  },
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
};

async function register(inputs: DevelopmentModelVersionInputs): Promise<string> {
  const { registerDevelopment } = await import("../adapters/postgres/developmentState.ts");
  return asDeployer(inputs, (client) => registerDevelopment(client, inputs));
}
