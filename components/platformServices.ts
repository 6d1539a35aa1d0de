import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { pingUrl } from "../src/domain/development/pingToken.ts";
import {
  apiRights,
  apiRoute,
  apiService,
  apiUrlInCluster,
  type CountedGateway,
  countingRights,
} from "../src/domain/serving/apiService.ts";
import { batchesService } from "../src/domain/serving/batchRequests.ts";
import { embeddedGateway } from "../src/domain/serving/embeddedGateway.ts";
import { nameOfGateway, namespaceOfGateway } from "../src/domain/serving/route.ts";
import { declared } from "../src/environment/ownership.ts";
import type { DeclaredServices } from "../src/environment/parts.ts";
import { pushPipeline } from "../src/environment/pushPipeline.ts";
import { refuse } from "../src/environment/refusals.ts";
import { SecretValue } from "../src/resources/secretValue.ts";
import { declareConsole } from "./console.ts";
import { declareGuard } from "./guard.ts";
import type { OnEnvironment } from "./modelArgs.ts";
import { registered, withoutUrl } from "./registeredInputs.ts";
import { deployRoute } from "./route.ts";
import { declareAccount, secretRevision } from "./serviceAccount.ts";

/** Arguments of {@link PlatformServices}: how they run is the environment's `services`. */
export type PlatformServicesArgs = OnEnvironment;

/**
 * Menagerie's own always-on processes: the API service, as Deployment and Service `api`, with a Secret that holds its
 * way into the database and its keys, rights in the models' namespace, and a route for `/models/…` and `/v1/…` at the
 * gateway. Development versions of the environment that are declared after it are patched through it. Where a model of the environment has a
 * judge, the guard of its rollouts runs beside it, and where `services.console` is given, the console.
 *
 * @example
 * new PlatformServices("platform", { environment });
 */
export class PlatformServices extends pulumi.ComponentResource implements DeclaredServices {
  /** Image that runs. */
  readonly image: pulumi.Output<string>;
  /** The stack's own API key, which opens everything. A secret; also key `adminKey` of Secret `api-database`. */
  readonly adminKey: pulumi.Output<string>;
  /** The services' namespace. */
  readonly space: kubernetes.core.v1.Namespace;
  readonly #signingKey: pulumi.Output<string>;
  readonly #namespace: string;

  constructor(name: string, args: PlatformServicesArgs, options?: pulumi.ComponentResourceOptions) {
    const { environment } = args;
    const { parts, spec, facts } = environment;
    const { tables } = parts;
    if (!tables) throw refuse("component.tables-missing", { kind: "PlatformServices", name });
    const { gateway, namespace: modelsNamespace, serving, services, ratelimitEnabled } = spec;
    const { namespace, replicas, uploads } = services;
    const pipeline = pushPipeline(environment);
    // Addresses are the environment's: what the config says of them is the gateway's name.
    const shown = {
      ...services,
      apiUrl: undefined,
      declaredApiUrl: undefined,
      modelsNamespace,
      requireApiKey: serving.requireApiKey,
      ratelimitEnabled,
    };
    super(
      "menagerie:services:PlatformServices",
      name,
      registered({ ...shown, gateway: withoutUrl(gateway), builds: pipeline }),
      environment.options(options, [tables, ...parts.ready]),
    );
    const parent = { parent: this };
    this.image = pulumi.output(environment.serviceImage("api"));

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
    const url = environment.urlFor(tables.api);
    const builds = pipeline ? { pipeline } : facts.builds;
    const stringData = {
      url,
      adminKey: this.adminKey,
      signingKey: this.#signingKey,
      ...(facts.prometheusToken ? { prometheusToken: facts.prometheusToken } : {}),
      ...(builds && "token" in builds ? { buildToken: pulumi.secret(builds.token) } : {}),
    };
    const secret = new kubernetes.core.v1.Secret(
      "api-database",
      { metadata: declared({ name: "api-database", namespace }), stringData },
      inNamespace,
    );
    const rights = apiRights(namespace, modelsNamespace, { pushes: builds !== undefined });
    const { account, binding } = declareAccount("api", rights, this, space);
    const countedGateway: CountedGateway = facts.isEmbedded
      ? { url: embeddedGateway.statistics }
      : {
          namespace: namespaceOfGateway(gateway, modelsNamespace),
          name: nameOfGateway(gateway),
          api: gateway.api,
        };
    const counting = countingRights(namespace, modelsNamespace, countedGateway).map((each) => {
      const label = each.role.metadata.name;
      const inItsNamespace = each.role.metadata.namespace === namespace ? inNamespace : parent;
      const counts = new kubernetes.rbac.v1.Role(
        label,
        { ...each.role, metadata: declared(each.role.metadata) },
        inItsNamespace,
      );
      return new kubernetes.rbac.v1.RoleBinding(
        label,
        { ...each.binding, metadata: declared(each.binding.metadata) },
        { ...parent, dependsOn: [counts, account] },
      );
    });
    const manifests = apiService({
      namespace,
      image: this.image,
      secretName: "api-database",
      secretRevision: secretRevision(stringData),
      modelsNamespace,
      requireApiKey: serving.requireApiKey,
      holdsLimits: ratelimitEnabled,
      replicas,
      builds: builds && ("url" in builds ? { url: builds.url } : builds),
      uploads,
      countedGateway,
      prometheus: spec.prometheus,
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
      { ...parent, dependsOn: [space, secret, binding, ...counting] },
    );
    if (gateway.checksKeys) {
      const batches = batchesService(namespace);
      new kubernetes.core.v1.Service(
        batches.metadata.name,
        { ...batches, metadata: declared({ ...batches.metadata, annotations: metadata.annotations }) },
        inNamespace,
      );
    }
    declareGuard(environment, tables, this, space);
    declareConsole(environment, tables, this, space);
    environment.endIdleConnections(namespace, [space]);
    // Clients push versions to it.
    environment.endIdleConnections(modelsNamespace);
    deployRoute("api", { route: apiRoute({ namespace, gateway }) }, { ...parent, dependsOn: [service, deployment] });
    parts.services = this;
    this.registerOutputs({ image: this.image });
  }

  /** Value of PATCH_PING_URL_TRUSS for a development version: where its control server asks for patches. A secret. */
  pingUrl(versionId: pulumi.Input<string>): pulumi.Output<string> {
    const api = apiUrlInCluster(this.#namespace);
    return pulumi.secret(pulumi.all([this.#signingKey, versionId]).apply(([key, id]) => pingUrl(api, key, id)));
  }
}
