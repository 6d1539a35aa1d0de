import { resolve } from "node:path";
import type { DeploymentIntent } from "../domain/release/record.ts";
import type { EnvironmentInput } from "../providers/databaseInput.ts";
import { heldLock, observe, releaseLock } from "../providers/environmentDeployments.ts";
import type { Due, Handler } from "../providers/handler.ts";

export interface DeploymentIntentInputs extends EnvironmentInput, Due {
  readonly tag: string;
  /** One line for each model, such as `iris 2 9ac73cd151c3`, for previews. */
  readonly models: readonly string[];
  /** The {@link DeploymentIntent} as JSON. */
  readonly intent: string;
}

export interface DeploymentIntentOutputs extends DeploymentIntentInputs {
  /** Id of the row. */
  readonly deploymentId: string;
}

/**
 * The row that says what an `up` is about to do, written before it does. From then on this process holds the lock of the
 * environment's deployments.
 */
export const deploymentIntent: Handler<DeploymentIntentInputs, DeploymentIntentOutputs> = {
  inputs: {
    environment: "replace",
    namespace: "update",
    tag: "update",
    models: "update",
    intent: "update",
    context: "ignore",
    database: "ignore",
  },
  async create(inputs) {
    return { id: inputs.environment, outs: { ...inputs, deploymentId: await open(inputs) } };
  },
  async update(_id, _olds, news) {
    return { ...news, deploymentId: await open(news) };
  },
};

async function open(inputs: DeploymentIntentInputs): Promise<string> {
  const { openDeployment } = await import("../adapters/postgres/deployments.ts");
  const { checkoutCommit } = await import("../adapters/git/checkout.ts");
  const { requester } = await import("../adapters/processes/requester.ts");
  const run = { ...requester(process.env), commit: (await checkoutCommit(resolve("."))) ?? null };
  const { client } = await heldLock(inputs);
  try {
    return await openDeployment(client, JSON.parse(inputs.intent) as DeploymentIntent, run, () => observe(inputs));
  } catch (error) {
    await releaseLock(inputs.environment);
    throw error;
  }
}
