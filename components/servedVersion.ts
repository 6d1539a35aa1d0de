import * as pulumi from "@pulumi/pulumi";
import { type Placement, readyPath, type ServedModel } from "../src/domain/serving/servedModel.ts";
import type { RecordedServing, VersionServing } from "../src/domain/zoo/serving.ts";
import { ModelReady } from "../src/resources/modelReady.ts";
import { ModelVersion } from "../src/resources/modelVersion.ts";
import { InferenceService } from "./inferenceService.ts";
import { registered } from "./registeredInputs.ts";

/** A version's place in the platform's tables. */
export interface VersionRow {
  readonly number: number;
  /** New apps use it. */
  readonly current: boolean;
  /** Whether it has to be written again, for the database says something else. @default false */
  readonly due?: true | undefined;
  /** The platform's tables: the row is written when they exist. */
  readonly tables: pulumi.Resource;
  /**
   * Secret url of the database.
   * @default the environment variable MENAGERIE_DATABASE_URL
   */
  readonly database?: pulumi.Input<string> | undefined;
}

/** An image by its parts. */
export interface VersionImage {
  /** Repository part. */
  readonly url: pulumi.Input<string>;
  /** `sha256:<64 hex>` */
  readonly digest: pulumi.Input<string>;
}

/** A version that is served and not yet admitted: no request reaches it. */
export type Admission = Pick<ServedVersion, "ready" | "revision" | "service">;

/** Arguments of {@link ServedVersion}. */
export interface ServedVersionArgs {
  /** Name of the InferenceService, or the beginning of it: a DNS label, as long as `requireServiceName` lets it be. */
  readonly service: string;
  /**
   * Each InferenceService that is made gets a name of its own, so that the one that it replaces answers until it does.
   * @default false: what replaces it has the same name, and is made once it is deleted
   */
  readonly renamed?: boolean | undefined;
  /** Namespace that it is served in; it must exist. */
  readonly namespace: string;
  /** Name of the zoo model in the database, such as `iris` or `iris_copy`. */
  readonly model: string;
  /** Content hash of the truss that the image was built from. */
  readonly hash: string;
  readonly image: VersionImage;
  /** How it is served, beside its image. */
  readonly serving: VersionServing;
  /**
   * Where the secrets that its truss names come from.
   * @default none
   */
  readonly secrets?: ServedModel["secrets"];
  /**
   * Where environment variables come from beside its own.
   * @default none
   */
  readonly environment?: ServedModel["environment"];
  /** Nodes that the pods run on. */
  readonly placement: Placement;
  /** How long it may take to answer, in seconds. */
  readonly readyTimeoutSeconds: number;
  /**
   * Context of the kubeconfig.
   * @default the kubeconfig's current context
   */
  readonly kubeContext?: string | undefined;
  /**
   * Where it is registered, once it answers.
   * @default nowhere
   */
  readonly row?: VersionRow | undefined;
  /**
   * What must be there after it answers and before it is registered, such as the smoke test that it passes.
   * @default nothing
   */
  readonly before?: ((served: Admission) => readonly pulumi.Resource[]) | undefined;
  /**
   * Service whose place it takes where it needs the GPU of that one, which is then deleted first. Without GPUs the one that is
   * no longer declared goes after everything else was done: an `up` that fails leaves it as it was.
   * @default none
   */
  readonly replaces?: string | undefined;
  /**
   * Component that held the version's resources, under their names of before there were several versions.
   * @default none
   */
  readonly adoptFrom?: { readonly name: string; readonly parent: pulumi.Resource } | undefined;
}

/**
 * One version of a zoo model as it is served: its InferenceService, the wait until it answers, and its row.
 *
 * @example
 * new ServedVersion("iris-v2", { service: "iris-v2", model: "iris", hash, image, serving, ... }, { parent: entry });
 */
export class ServedVersion extends pulumi.ComponentResource {
  /** Name of its InferenceService. */
  readonly service: pulumi.Output<string>;
  /** How it is served, as its row has it. */
  readonly serving: pulumi.Output<RecordedServing>;
  /** Resolves once it answers. */
  readonly ready: ModelReady;
  /** Changes with everything that makes new pods. */
  readonly revision: pulumi.Output<string>;
  /** Exists once requests may reach it: it answers, and what must be there before is. */
  readonly admitted: readonly pulumi.Resource[];
  /** Id of its row; null for a version that is registered nowhere. */
  readonly versionId: pulumi.Output<string> | null;

  constructor(name: string, args: ServedVersionArgs, options: pulumi.ComponentResourceOptions = {}) {
    // Never without a GPU: what was replaced in an `up` that fails is deleted by the next one, by its name, whoever has that name by then.
    const handsOver = args.replaces !== undefined && args.serving.resources.gpus > 0;
    const aliases = handsOver ? [{ name: args.replaces }] : [];
    const { service: named, namespace, model, hash, serving, image, row, adoptFrom } = args;
    const shown = { service: named, namespace, model, hash, serving, number: row?.number, current: row?.current };
    super("menagerie:zoo:ServedVersion", name, registered(shown), pulumi.mergeOptions(options, { aliases }));
    const child = { parent: this, aliases: adoptFrom ? [adoptFrom] : [] };
    const { env, mode, replicas, resources } = serving;
    const renamed = args.renamed ?? false;

    const service = new InferenceService(
      name,
      {
        model: {
          name: args.service,
          namespace,
          model,
          kind: "zoo",
          managedBy: "stack",
          mode,
          env,
          replicas,
          resources,
          secrets: args.secrets,
          placement: args.placement,
          image: pulumi.interpolate`${image.url}@${image.digest}`,
          trussHash: args.hash,
          environment: args.environment,
        },
        renamed,
      },
      child,
    );
    this.revision = service.revision;
    this.service = service.name;
    // Whoever sends predictions to the version finds its service by the row.
    this.serving = service.name.apply((made) => (renamed ? { ...serving, service: made } : serving));
    this.ready = new ModelReady(
      name,
      {
        namespace,
        name: this.service,
        revision: service.revision,
        mode,
        pool: args.placement.pool,
        path: readyPath,
        timeoutSeconds: args.readyTimeoutSeconds,
        ...(args.kubeContext === undefined ? {} : { context: args.kubeContext }),
      },
      { ...child, dependsOn: service },
    );
    this.admitted = [this.ready, ...(args.before?.(this) ?? [])];
    this.versionId = row
      ? new ModelVersion(
          name,
          {
            model,
            organization: "admin",
            number: row.number,
            current: row.current,
            hash: args.hash,
            digest: image.digest,
            url: image.url,
            serving: this.serving,
            ...(row.due ? { due: true } : {}),
            ...(row.database === undefined ? {} : { database: pulumi.secret(row.database) }),
          },
          // A row stands for content that has answered: from then on apps may point at it.
          { ...child, dependsOn: [row.tables, ...this.admitted] },
        ).versionId
      : null;
    this.registerOutputs({ revision: this.revision });
  }
}
