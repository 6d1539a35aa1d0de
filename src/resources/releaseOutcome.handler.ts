import { servingLine } from "../domain/release/observed.ts";
import { afterTakeBack, describeTakeBack } from "../domain/zoo/takeBack.ts";
import type { EnvironmentInput } from "../providers/databaseInput.ts";
import { heldLock, observe, observeRoutes, releaseLock } from "../providers/environmentDeployments.ts";
import type { Handler } from "../providers/handler.ts";
import { refuse } from "../providers/refusals.ts";

export interface ReleaseOutcomeInputs extends EnvironmentInput {
  readonly tag: string;
  /** Id of the intent that this closes. */
  readonly deploymentId: string;
  /** One line for each model that is served, such as `iris: iris-v2 9ac73cd151c3`. */
  readonly serving: readonly string[];
}

export interface ReleaseOutcomeOutputs extends ReleaseOutcomeInputs {
  /** Id of the row that is current; another one than the intent's where that was settled before. */
  readonly currentId: string;
}

/** The end of a deployment: closes its intent by what is served then. A refresh shows how the cluster differs from it. */
export const releaseOutcome: Handler<ReleaseOutcomeInputs, ReleaseOutcomeOutputs> = {
  inputs: {
    environment: "replace",
    namespace: "update",
    tag: "update",
    deploymentId: "update",
    serving: "update",
    context: "ignore",
    database: "ignore",
  },
  async create(inputs) {
    return { id: inputs.environment, outs: { ...inputs, currentId: await close(inputs) } };
  },
  async update(_id, _olds, news) {
    return { ...news, currentId: await close(news) };
  },
  async read(_id, props) {
    return { ...props, serving: (await observe(props)).map(servingLine) };
  },
};

async function close(inputs: ReleaseOutcomeInputs): Promise<string> {
  const { closeDeployment } = await import("../adapters/postgres/deployments.ts");
  const { environment, deploymentId, tag } = inputs;
  const { client } = await heldLock(inputs);
  try {
    const { id, judgement, takenBack } = await closeDeployment(client, environment, deploymentId, () =>
      observeRoutes(inputs),
    );
    if (judgement.outcome === "deployed") return id;
    const [taken] = takenBack;
    if (taken) {
      const state = `${taken.model}: ${describeTakeBack(taken, new Date())}`;
      throw refuse("deployment.taken-back", { tag, state, change: afterTakeBack(taken), model: taken.model });
    }
    throw refuse("deployment.stayed-incomplete", { tag, reason: judgement.reason ?? "unknown" });
  } finally {
    await releaseLock(environment);
  }
}
