import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { guardDeployment, guardName, guardRights } from "../src/domain/serving/guardService.ts";
import { trafficObject } from "../src/domain/serving/trafficRoute.ts";
import { kubernetesName } from "../src/domain/zoo/plan.ts";
import type { Environment } from "../src/environment/environment.ts";
import { given } from "../src/environment/given.ts";
import { declared } from "../src/environment/ownership.ts";
import type { DeclaredTables } from "../src/environment/parts.ts";
import { declareAccount, secretRevision } from "./serviceAccount.ts";

/** Where the image of all services has the guard, as in a checkout. */
const command = ["node", "src/services/guard/main.ts"];

/**
 * The guard of an environment's rollouts, where one of its models has a judge: a process with an account and a login of its own. It may
 * write the objects that divide the requests of these models, and nothing else of the cluster.
 *
 * @param parent - whose children its resources are
 * @param space - the services' namespace
 */
export function declareGuard(
  environment: Environment,
  { guard: login }: Pick<DeclaredTables, "guard">,
  parent: pulumi.Resource,
  space: pulumi.Resource,
): kubernetes.apps.v1.Deployment | undefined {
  const { spec, facts } = environment;
  const judged = Object.keys(spec.zoo).filter((model) => spec.zoo[model]?.judge);
  if (judged.length === 0) return undefined;
  const { namespace, replicas, image } = spec.services;
  const routeApi = spec.gateway.api ?? "istio";
  const options = { parent };
  const inNamespace = { parent, dependsOn: space };
  const url = environment.urlFor(login);
  const { prometheusToken, guardUrl } = facts;
  const stringData = { url, ...given({ prometheusToken, appsUrl: guardUrl }) };
  const secretName = `${guardName}-database`;
  const secret = new kubernetes.core.v1.Secret(
    secretName,
    { metadata: declared({ name: secretName, namespace }), stringData },
    inNamespace,
  );
  const objects = judged.map((model) => trafficObject(kubernetesName(model)));
  const rights = guardRights(namespace, spec.namespace, routeApi, objects);
  const { binding } = declareAccount(guardName, rights, parent, space);
  const manifest = guardDeployment({
    namespace,
    replicas,
    secretName,
    hasAppsUrl: guardUrl !== undefined,
    routeApi,
    prometheus: spec.prometheus,
    modelsNamespace: spec.namespace,
    image: pulumi.output(environment.serviceImage(guardName)),
    ...given({ command: image === undefined ? undefined : command }),
    secretRevision: secretRevision(stringData),
  });
  return new kubernetes.apps.v1.Deployment(
    guardName,
    { ...manifest, metadata: declared(manifest.metadata) },
    { ...options, dependsOn: [space, secret, binding] },
  );
}
