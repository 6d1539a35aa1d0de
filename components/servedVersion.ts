import * as pulumi from "@pulumi/pulumi";
import { keyPath } from "../src/config/sentences.ts";
import { recordedAs } from "../src/domain/recording/recordedAs.ts";
import { readyPath } from "../src/domain/serving/servedModel.ts";
import { type RecordedServing, sleeps } from "../src/domain/zoo/serving.ts";
import type { Environment } from "../src/environment/environment.ts";
import { given } from "../src/environment/given.ts";
import type { ServedPlan } from "../src/plan/zooModel.ts";
import { ModelReady } from "../src/resources/modelReady.ts";
import { ModelVersion } from "../src/resources/modelVersion.ts";
import { InferenceService } from "./inferenceService.ts";
import { registered } from "./registeredInputs.ts";
import { declareSleepFront } from "./sleepFront.ts";
import { VersionRecorder, type VersionRecorderArgs } from "./versionRecorder.ts";

/** An image by its parts. */
export interface VersionImage {
  /** Repository part. */
  readonly url: pulumi.Input<string>;
  /** `sha256:<64 hex>` */
  readonly digest: pulumi.Input<string>;
}

/** A version that is served and not yet admitted: no request reaches it. */
export interface Admission extends Pick<ServedVersion, "service"> {
  /** What takes its requests, and exists once that answers. */
  readonly entrance: Entrance;
  /** What wakes it, where it may sleep. */
  readonly front: readonly pulumi.Resource[];
}

/** The part of a version that takes its requests: its recorder, where it has one. */
interface Entrance {
  readonly component: "predictor" | "transformer";
  readonly ready: pulumi.Resource;
  readonly revision: pulumi.Output<string>;
}

/** Arguments of {@link ServedVersion}. */
export interface ServedVersionArgs {
  readonly environment: Environment;
  /** What the entry's plan says of it. */
  readonly version: ServedPlan;
  readonly image: VersionImage;
  /**
   * Where its predictions are kept, and the paths of its own that are predictions too. A version whose plan says that it is recorded
   * needs it.
   * @default nothing is recorded
   */
  readonly recordedIn?: Pick<VersionRecorderArgs, "store" | "ownPaths"> | undefined;
  /**
   * What must be there after it answers and before it is registered, such as the smoke test that it passes.
   * @default nothing
   */
  readonly before?: ((served: Admission) => readonly pulumi.Resource[]) | undefined;
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
 * new ServedVersion("iris-v2", { environment, version: plan.versions[0], image }, { parent: entry });
 */
export class ServedVersion extends pulumi.ComponentResource {
  /** Name of its InferenceService. */
  readonly service: pulumi.Output<string>;
  /** `<url>@<digest>` */
  readonly image: pulumi.Output<string>;
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
    const { environment, version, image, adoptFrom, recordedIn } = args;
    const { service: named, model, hash, serving, number, current, renamed, recording, takesPlaceOf, paths } = version;
    const { keptPods } = version;
    const { namespace, serving: served } = environment.spec;
    // Never without a GPU: what was replaced in an `up` that fails is deleted by the next one, by its name, whoever has that name by then.
    const handsOver = takesPlaceOf !== undefined && serving.resources.gpus > 0;
    const aliases = handsOver ? [{ name: takesPlaceOf }] : [];
    const shown = { service: named, namespace, model, hash, serving, number, current };
    super("menagerie:zoo:ServedVersion", name, registered(shown), pulumi.mergeOptions(options, { aliases }));
    const child = { parent: this, aliases: adoptFrom ? [adoptFrom] : [] };
    const { env, mode, replicas, resources } = serving;
    const { placement } = environment.nodesOf(serving.pool);
    const { state } = environment.parts;

    this.image = pulumi.interpolate`${image.url}@${image.digest}`;
    const service = new InferenceService(
      name,
      {
        environment,
        service: named,
        model,
        kind: "zoo",
        mode,
        env,
        replicas,
        resources,
        pool: serving.pool,
        secrets: environment.plans.secrets({ ...version, path: ["zoo", model] }),
        image: this.image,
        trussHash: hash,
        variables: state && (serving.state ? state.environment : state.shared),
        renamed,
        ...given({ keptPods }),
      },
      child,
    );
    this.revision = service.revision;
    this.service = service.name;
    // Whoever sends predictions to the version finds its service by the row.
    this.serving = service.name.apply((made) => ({
      ...serving,
      ...(renamed ? { service: made } : {}),
      ...(recording ? { recording } : {}),
      ...given({ paths: paths && paths.length > 0 ? [...paths] : undefined }),
    }));
    this.ready = new ModelReady(
      name,
      {
        namespace,
        name: this.service,
        revision: service.revision,
        mode,
        pool: placement.pool,
        path: readyPath,
        timeoutSeconds: served.readyTimeoutSeconds,
        // Else the route leads to what wakes it, or to its recorder.
        gatewayLags: environment.gatewayLags && !sleeps(serving) && !recording,
        ...environment.inCluster,
      },
      { ...child, dependsOn: service },
    );
    let entrance: Entrance = { component: "predictor", ready: this.ready, revision: this.revision };
    if (recording) {
      if (!recordedIn) throw new Error(`${named} is recorded, and nothing says where`);
      const recorder = new VersionRecorder(
        name,
        {
          environment,
          service: service.name,
          mode,
          replicas,
          settings: recording,
          version: recordedAs(model, hash, env),
          renamed,
          ...recordedIn,
        },
        { parent: this, dependsOn: this.ready },
      );
      entrance = { component: "transformer", ready: recorder.ready, revision: recorder.revision };
    }
    const key = keyPath(["zoo", model, "replicas", "min"]);
    const front = sleeps(serving) ? declareSleepFront(name, { environment, service: service.name, key }, child) : [];
    const before = args.before?.({ service: this.service, entrance, front }) ?? [];
    this.admitted = [...new Set([this.ready, entrance.ready]), ...front, ...before];
    this.versionId = environment.hasDatabase ? this.register(name, args, child).versionId : null;
    this.registerOutputs({ revision: this.revision });
  }

  /** A row stands for content that has answered: from then on apps may point at it. */
  private register(
    name: string,
    { environment, version, image }: ServedVersionArgs,
    options: pulumi.CustomResourceOptions,
  ): ModelVersion {
    const { model, number, current, hash, due } = version;
    return new ModelVersion(
      name,
      {
        model,
        organization: "admin",
        number,
        current,
        hash,
        digest: image.digest,
        url: image.url,
        serving: this.serving,
        ...given({ due }),
        ...environment.onDatabase,
      },
      { ...options, dependsOn: [...environment.tables, ...this.admitted] },
    );
  }
}
