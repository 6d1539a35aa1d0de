import * as pulumi from "@pulumi/pulumi";
import { servingLine } from "../src/domain/release/observed.ts";
import type { DeploymentIntent as Intent } from "../src/domain/release/record.ts";
import { refuse } from "../src/environment/refusals.ts";
import { describeRelease } from "../src/plan/describeRelease.ts";
import { DeploymentIntent } from "../src/resources/deploymentIntent.ts";
import { ReleaseOutcome } from "../src/resources/releaseOutcome.ts";
import type { OnEnvironment } from "./modelArgs.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link ReleaseRecord}: how releases are named is the environment's `versioning` and `models`. */
export type ReleaseRecordArgs = OnEnvironment;

/**
 * The record of an environment's deployments: an intent before anything changes, its end after everything did. Models of the environment
 * that are declared after it wait for the intent. Its tag is known once it is closed, for it says what was declared.
 *
 * @example
 * const record = new ReleaseRecord("release", { environment });
 * const iris = new ModelZooEntry("iris", { environment, truss: "models/iris", phase: "done" });
 * export const release = record.close([iris]);
 */
export class ReleaseRecord extends pulumi.ComponentResource {
  readonly intent: DeploymentIntent;
  readonly #args: ReleaseRecordArgs;
  readonly #planned: pulumi.Output<Intent>;

  constructor(name: string, args: ReleaseRecordArgs, options?: pulumi.ComponentResourceOptions) {
    const { environment } = args;
    if (!environment.hasDatabase) throw refuse("component.database-missing", { kind: "ReleaseRecord", name });
    const { namespace, kubeContext, versioning, models } = environment.spec;
    const shown = registered({ namespace, kubeContext, versioning, models });
    super("menagerie:release:ReleaseRecord", name, shown, options);
    this.#args = args;
    const release = pulumi.output(environment.plans.release());
    release.apply((planned) => pulumi.log.info(describeRelease(planned), this));
    this.#planned = release.intent;
    this.intent = new DeploymentIntent(
      environment.stack,
      {
        ...this.#where(),
        tag: release.intent.tag,
        models: release.intent.apply(({ models: deployed }) =>
          deployed.map((model) => `${model.name} ${model.version} ${(model.hash ?? model.source).slice(0, 24)}`),
        ),
        intent: release.intent.apply((intent) => JSON.stringify(intent)),
        due: release.due,
      },
      {
        parent: this,
        dependsOn: [...environment.tables],
        ...this.#unlessPartial(["namespace", "tag", "models", "intent"]),
      },
    );
    environment.parts.ofRelease.push(this.intent);
    this.registerOutputs({ tag: this.#planned.tag });
  }

  /** Declares the end, after everything that the deployment is made of. Answers the tag, known once it is deployed. */
  close(deployed: readonly pulumi.Resource[]): pulumi.Output<string> {
    const { environment } = this.#args;
    environment.plans.closeRelease();
    return new ReleaseOutcome(
      environment.stack,
      {
        ...this.#where(),
        tag: this.#planned.tag,
        deploymentId: this.intent.deploymentId,
        serving: this.#planned.apply(({ planned }) =>
          planned.filter(({ service }) => service !== null).map(servingLine),
        ),
      },
      {
        parent: this,
        dependsOn: [...deployed],
        ...this.#unlessPartial(["namespace", "tag", "deploymentId", "serving"]),
      },
    ).tag;
  }

  /** A run about some resources only leaves the record as it is, even where those take it along. */
  #unlessPartial(inputs: readonly string[]): pulumi.CustomResourceOptions {
    return this.#args.environment.facts.isPartial ? { ignoreChanges: [...inputs] } : {};
  }

  #where() {
    const { stack, spec, inCluster, onDatabase } = this.#args.environment;
    return { environment: stack, namespace: spec.namespace, ...inCluster, ...onDatabase };
  }
}
