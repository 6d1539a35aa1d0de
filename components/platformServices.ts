import { createHash } from "node:crypto";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { RateLimit } from "../src/domain/access/rateLimit.ts";
import { pingUrl } from "../src/domain/development/pingToken.ts";
import type { PushPipeline, UploadBucket } from "../src/domain/serving/apiPushes.ts";
import { apiRights, apiRoute, apiService, apiUrlInCluster } from "../src/domain/serving/apiService.ts";
import type { RouteGateway } from "../src/domain/serving/route.ts";
import { SecretValue } from "../src/resources/secretValue.ts";
import { declared } from "./ownership.ts";
import { registered, withoutUrl } from "./registeredInputs.ts";
import { deployRoute } from "./route.ts";

/** Arguments of {@link PlatformServices}. */
export interface PlatformServicesArgs {
  /** Namespace of the services; made by the component. */
  readonly namespace: string;
  /** `<url>@sha256:<digest>` of the services' image. */
  readonly image: pulumi.Input<string>;
  /** Url by which the API service reaches the platform's database. A secret. */
  readonly databaseUrl: pulumi.Input<string>;
  /** Namespace that models are served in. */
  readonly modelsNamespace: string;
  /** Refuse predictions without an API key. A wrong key is always refused. */
  readonly requireApiKey: boolean;
  /**
   * Limit of each key, for each pod of the API service.
   * @default none
   */
  readonly rateLimit?: RateLimit | undefined;
  /** Pods of the API service. */
  readonly replicas: number;
  /**
   * What builds what clients push: a build service, as the service's pods reach it, with its secret token, or the stack's Pipeline.
   * @default clients cannot push
   */
  readonly builds?:
    | { readonly url: string; readonly token: pulumi.Input<string> }
    | { readonly pipeline: PushPipeline }
    | undefined;
  /**
   * Bucket that clients' uploads are kept in until they are built; its Secret is not made here.
   * @default they stay in the pod that took them
   */
  readonly uploads?: UploadBucket | undefined;
  /** Istio Gateway and host names that the API is reached by. */
  readonly gateway: RouteGateway;
}

/**
 * Menagerie's own always-on processes: the API service, as Deployment and Service `api`, with a Secret that holds its
 * way into the database and its keys, rights in the models' namespace, and a route for `/models/…` and `/v1/…` at the
 * gateway.
 *
 * @example
 * new PlatformServices("platform", { namespace: "menagerie", image, databaseUrl, ... }, { providers: [cluster] });
 */
export class PlatformServices extends pulumi.ComponentResource {
  /** Image that runs. */
  readonly image: pulumi.Output<string>;
  /** The stack's own API key, which opens everything. A secret; also key `adminKey` of Secret `api-database`. */
  readonly adminKey: pulumi.Output<string>;
  /** The services' namespace. */
  readonly space: kubernetes.core.v1.Namespace;
  readonly #signingKey: pulumi.Output<string>;
  readonly #namespace: string;

  constructor(name: string, args: PlatformServicesArgs, options?: pulumi.ComponentResourceOptions) {
    const { namespace, gateway, builds } = args;
    // Addresses are the environment's: what the config says of them is the gateway's name.
    const named = {
      ...args,
      gateway: withoutUrl(gateway),
      builds: builds && ("pipeline" in builds ? builds : undefined),
    };
    super("menagerie:services:PlatformServices", name, registered(named), options);
    const parent = { parent: this };
    this.image = pulumi.output(args.image);

    const space = new kubernetes.core.v1.Namespace(
      namespace,
      { metadata: declared({ name: namespace, labels: { "app.kubernetes.io/part-of": "menagerie" } }) },
      parent,
    );
    this.space = space;
    const inNamespace = { ...parent, dependsOn: space };
    const random = (label: string) => new SecretValue(label, {}, parent).value;
    this.adminKey = pulumi.secret(pulumi.interpolate`mng_admin_${random("api-admin-key")}`);
    this.#signingKey = random("api-signing-key");
    this.#namespace = namespace;
    const url = pulumi.secret(args.databaseUrl);
    const stringData = {
      url,
      adminKey: this.adminKey,
      signingKey: this.#signingKey,
      ...(args.builds && "token" in args.builds ? { buildToken: pulumi.secret(args.builds.token) } : {}),
    };
    const secret = new kubernetes.core.v1.Secret(
      "api-database",
      { metadata: declared({ name: "api-database", namespace }), stringData },
      inNamespace,
    );
    const rights = apiRights(namespace, args.modelsNamespace, { pushes: args.builds !== undefined });
    const account = new kubernetes.core.v1.ServiceAccount(
      "api",
      { ...rights.account, metadata: declared(rights.account.metadata) },
      inNamespace,
    );
    const role = new kubernetes.rbac.v1.Role(
      "api",
      { ...rights.role, metadata: declared(rights.role.metadata) },
      parent,
    );
    const binding = new kubernetes.rbac.v1.RoleBinding(
      "api",
      { ...rights.binding, metadata: declared(rights.binding.metadata) },
      { ...parent, dependsOn: [role, account] },
    );
    const manifests = apiService({
      namespace,
      image: args.image,
      secretName: "api-database",
      // Pods read the Secret once: a new password makes new pods. It is too random to be found from 64 bits of its hash.
      secretRevision: pulumi.unsecret(
        pulumi.output(stringData).apply((values) => fingerprint(Object.values(values).join("\n"))),
      ),
      modelsNamespace: args.modelsNamespace,
      requireApiKey: args.requireApiKey,
      rateLimit: args.rateLimit,
      replicas: args.replicas,
      builds: args.builds && ("url" in args.builds ? { url: args.builds.url } : args.builds),
      uploads: args.uploads,
    });
    const metadata = { ...manifests.service.metadata, annotations: { "pulumi.com/skipAwait": "true" } };
    const service = new kubernetes.core.v1.Service(
      "api",
      // Its endpoints come with the Deployment's pods, which are awaited.
      { ...manifests.service, metadata: declared(metadata) },
      inNamespace,
    );
    const deployment = new kubernetes.apps.v1.Deployment(
      "api",
      { ...manifests.deployment, metadata: declared(manifests.deployment.metadata) },
      { ...parent, dependsOn: [space, secret, binding] },
    );
    deployRoute(
      "api",
      { route: apiRoute({ namespace, gateway: args.gateway }) },
      { ...parent, dependsOn: [service, deployment] },
    );
    this.registerOutputs({ image: this.image });
  }

  /** Value of PATCH_PING_URL_TRUSS for a development version: where its control server asks for patches. A secret. */
  pingUrl(versionId: pulumi.Input<string>): pulumi.Output<string> {
    const api = apiUrlInCluster(this.#namespace);
    return pulumi.secret(pulumi.all([this.#signingKey, versionId]).apply(([key, id]) => pingUrl(api, key, id)));
  }
}

function fingerprint(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
