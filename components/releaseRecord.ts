import * as pulumi from "@pulumi/pulumi";
import { servingLine } from "../src/domain/release/observed.ts";
import type { DeploymentIntent as Intent } from "../src/domain/release/record.ts";
import { DeploymentIntent } from "../src/resources/deploymentIntent.ts";
import { ReleaseOutcome } from "../src/resources/releaseOutcome.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link ReleaseRecord}. */
export interface ReleaseRecordArgs {
  /** What is to be deployed, as the program planned it. */
  readonly intent: Intent;
  /**
   * Whether the last attempt did not come to its end, so that this one is recorded even where it intends the same.
   * @default false
   */
  readonly due?: true | undefined;
  /**
   * Whether the run is about some of the stack's resources only: a record that is there stays as it is, even where those take it along.
   * @default false
   */
  readonly isPartial?: true | undefined;
  /** How it was planned, in a few words for the preview. */
  readonly plan: string;
  /** Exists once the platform's tables and the rights in them do. */
  readonly tables: pulumi.Resource;
  /** Namespace that models are served in. */
  readonly namespace: string;
  /**
   * Context of the kubeconfig.
   * @default the kubeconfig's current context
   */
  readonly kubeContext?: string | undefined;
  /**
   * Secret url of the database.
   * @default the environment variable MENAGERIE_DATABASE_URL
   */
  readonly database?: pulumi.Input<string> | undefined;
}

/**
 * The record of an environment's deployments: an intent before anything changes, its end after everything did.
 *
 * @example
 * const record = new ReleaseRecord("release", { intent, plan, tables, namespace: "models" });
 * const model = new ModelZooEntry("iris", args, { dependsOn: record.intent });
 * record.close([model]);
 */
export class ReleaseRecord extends pulumi.ComponentResource {
  /** Depend on it to change the environment only when the record says so. */
  readonly intent: DeploymentIntent;
  readonly #args: ReleaseRecordArgs;

  constructor(name: string, args: ReleaseRecordArgs, options?: pulumi.ComponentResourceOptions) {
    const { intent, namespace, kubeContext } = args;
    super("menagerie:release:ReleaseRecord", name, registered({ tag: intent.tag, namespace, kubeContext }), options);
    this.#args = args;
    pulumi.log.info(args.plan, this);
    this.intent = new DeploymentIntent(
      intent.environment,
      {
        ...this.#where(),
        tag: intent.tag,
        models: intent.models.map(
          (model) => `${model.name} ${model.version} ${(model.hash ?? model.source).slice(0, 24)}`,
        ),
        intent: JSON.stringify(intent),
        ...(args.due ? { due: true } : {}),
      },
      { parent: this, dependsOn: args.tables, ...this.#unlessPartial(["namespace", "tag", "models", "intent"]) },
    );
    this.registerOutputs({ tag: intent.tag });
  }

  /** Declares the end, after everything that the deployment is made of. Answers the tag, known once it is deployed. */
  close(deployed: readonly pulumi.Resource[]): pulumi.Output<string> {
    const { intent } = this.#args;
    return new ReleaseOutcome(
      intent.environment,
      {
        ...this.#where(),
        tag: intent.tag,
        deploymentId: this.intent.deploymentId,
        serving: intent.planned.filter(({ service }) => service !== null).map(servingLine),
      },
      {
        parent: this,
        dependsOn: [...deployed],
        ...this.#unlessPartial(["namespace", "tag", "deploymentId", "serving"]),
      },
    ).tag;
  }

  #unlessPartial(inputs: readonly string[]): pulumi.CustomResourceOptions {
    return this.#args.isPartial ? { ignoreChanges: [...inputs] } : {};
  }

  #where() {
    const { intent, namespace, kubeContext, database } = this.#args;
    return {
      environment: intent.environment,
      namespace,
      ...(kubeContext === undefined ? {} : { context: kubeContext }),
      ...(database === undefined ? {} : { database: pulumi.secret(database) }),
    };
  }
}
