import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  consoleDeployment,
  consoleName,
  consoleRights,
  consoleRoute,
  consoleServiceManifest,
  shadowsConfigMap,
  shadowsOfConsole,
} from "../src/domain/serving/consoleService.ts";
import type { Environment } from "../src/environment/environment.ts";
import { given } from "../src/environment/given.ts";
import { declared } from "../src/environment/ownership.ts";
import type { DeclaredTables } from "../src/environment/parts.ts";
import { deployRoute } from "./route.ts";
import { declareAccount, secretRevision } from "./serviceAccount.ts";

/** Where the image of all services has the console, as in a checkout. */
const command = ["node", "src/services/console/main.ts"];

/**
 * The console of an environment, where `services.console` is given: a process with an account and a login of its own, both of which read.
 * Nothing leads to it from outside of the cluster unless it has a host name.
 *
 * @param parent - whose children its resources are
 * @param space - the services' namespace
 */
export function declareConsole(
  environment: Environment,
  { console: login }: Pick<DeclaredTables, "console">,
  parent: pulumi.Resource,
  space: pulumi.Resource,
): kubernetes.apps.v1.Deployment | undefined {
  const { spec } = environment;
  const { namespace, image, console: wanted } = spec.services;
  if (!wanted) return undefined;
  const options = { parent };
  const inNamespace = { parent, dependsOn: space };
  const url = environment.urlFor(login);
  const secretName = `${consoleName}-database`;
  const secret = new kubernetes.core.v1.Secret(
    secretName,
    { metadata: declared({ name: secretName, namespace }), stringData: { url } },
    inNamespace,
  );
  const rights = consoleRights(namespace, spec.namespace);
  const { account, binding } = declareAccount(consoleName, rights, parent, space);
  const clusterBinding = Object.keys(spec.pools).length > 0 ? showNodes(rights, options, account) : undefined;
  const service = consoleServiceManifest(namespace);
  const metadata = { ...service.metadata, annotations: { "pulumi.com/skipAwait": "true" } };
  // Its endpoints come with the Deployment's pods, which are awaited.
  const ready = new kubernetes.core.v1.Service(consoleName, { ...service, metadata: declared(metadata) }, inNamespace);
  const manifest = consoleDeployment({
    namespace,
    replicas: wanted.replicas,
    secretName,
    modelsNamespace: spec.namespace,
    environment: pulumi.getStack(),
    image: pulumi.output(environment.serviceImage(consoleName)),
    ...given({ command: image === undefined ? undefined : command }),
    secretRevision: secretRevision({ url }),
  });
  const deployment = new kubernetes.apps.v1.Deployment(
    consoleName,
    { ...manifest, metadata: declared(manifest.metadata) },
    { ...options, dependsOn: [space, secret, binding, ...(clusterBinding ? [clusterBinding] : [])] },
  );
  const { host } = wanted;
  if (host !== undefined) {
    const route = consoleRoute({ namespace, gateway: spec.gateway, host });
    deployRoute(consoleName, { route }, { ...options, dependsOn: [ready, deployment] });
  }
  return deployment;
}

/** Tells the console, where there is one, of the stack's shadow deployments, once all of them are declared. */
export function declareShadowsOfConsole(
  { spec, outputs }: Environment,
  parent: pulumi.Resource,
  space: pulumi.Resource,
): void {
  if (!spec.services.console) return;
  const { metadata, data } = shadowsOfConsole(spec.services.namespace, outputs.shadows);
  new kubernetes.core.v1.ConfigMap(
    shadowsConfigMap,
    { metadata: declared(metadata), data },
    { parent, dependsOn: space },
  );
}

/** Only a stack that declares pools, which belong to no namespace either, gives its console sight of nodes. */
function showNodes(
  { clusterRole, clusterBinding }: ReturnType<typeof consoleRights>,
  options: pulumi.CustomResourceOptions,
  account: pulumi.Resource,
): kubernetes.rbac.v1.ClusterRoleBinding {
  const role = new kubernetes.rbac.v1.ClusterRole(
    consoleName,
    { ...clusterRole, metadata: declared(clusterRole.metadata) },
    options,
  );
  return new kubernetes.rbac.v1.ClusterRoleBinding(
    consoleName,
    { ...clusterBinding, metadata: declared(clusterBinding.metadata) },
    { ...options, dependsOn: [role, account] },
  );
}
