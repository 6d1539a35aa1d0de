import type { KubeConfig } from "@kubernetes/client-node";
import * as z from "zod";
import { isApiError, readIfThere } from "./request.ts";

/** How long the API server may take, in milliseconds. */
const patience = 10_000;

/** What a cluster has of a Gateway of Gateway API. Undefined: it is not there. */
export interface ObservedGateway {
  readonly gateway:
    | {
        readonly className: string;
        /** Of each listener, the namespaces whose routes it takes. */
        readonly allowedRoutes: readonly ("All" | "Selector" | "Same" | "None")[];
      }
    | undefined;
  readonly gatewayClass:
    | {
        readonly controller: string;
        /** Undefined where its controller lists none, as Istio's does not (https://github.com/istio/istio/issues/60452). */
        readonly features: readonly string[] | undefined;
      }
    | undefined;
  /** Release of Gateway API that the HTTPRoute kind is of, such as 1.6.0; undefined where that cannot be read. */
  readonly version: string | undefined;
}

const group = "/apis/gateway.networking.k8s.io/v1";

const gateways = z.object({
  spec: z.object({
    gatewayClassName: z.string(),
    listeners: z
      .array(
        z.object({
          allowedRoutes: z.object({ namespaces: z.object({ from: z.string().optional() }).optional() }).optional(),
        }),
      )
      .default([]),
  }),
});

const classes = z.object({
  spec: z.object({ controllerName: z.string() }),
  status: z
    // Until release 1.2 the features were plain names.
    .object({ supportedFeatures: z.array(z.union([z.string(), z.object({ name: z.string() })])).optional() })
    .optional(),
});

const definition = z.object({ metadata: z.object({ annotations: z.record(z.string(), z.string()).optional() }) });

/** Reads the Gateway of this name, its class, and the release of the HTTPRoute kind; undefined where the API is not served. */
export async function readGateway(
  config: KubeConfig,
  namespace: string,
  name: string,
): Promise<ObservedGateway | undefined> {
  const [served, found, version] = await Promise.all([
    get(config, group, z.object({})),
    get(config, `${group}/namespaces/${encodeURIComponent(namespace)}/gateways/${encodeURIComponent(name)}`, gateways),
    releaseOf(config),
  ]);
  if (!served) return undefined;
  if (!found) return { gateway: undefined, gatewayClass: undefined, version };
  const { gatewayClassName: className, listeners } = found.spec;
  const gatewayClass = await get(config, `${group}/gatewayclasses/${encodeURIComponent(className)}`, classes);
  const features = gatewayClass?.status?.supportedFeatures?.map((each) =>
    typeof each === "string" ? each : each.name,
  );
  return {
    gateway: {
      className,
      allowedRoutes: listeners.map(({ allowedRoutes }) => fromOf(allowedRoutes?.namespaces?.from)),
    },
    gatewayClass: gatewayClass && {
      controller: gatewayClass.spec.controllerName,
      features: features && features.length > 0 ? features : undefined,
    },
    version,
  };
}

function fromOf(from = "Same"): "All" | "Selector" | "Same" | "None" {
  return from === "All" || from === "Selector" || from === "Same" ? from : "None";
}

/** Who may read routes need not read definitions. */
async function releaseOf(config: KubeConfig): Promise<string | undefined> {
  const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/httproutes.gateway.networking.k8s.io";
  const crd = await get(config, path, definition).catch((error) => {
    if (isApiError(error, 403)) return undefined;
    throw error;
  });
  return crd?.metadata.annotations?.["gateway.networking.k8s.io/bundle-version"]?.replace(/^v/, "");
}

async function get<T>(config: KubeConfig, path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const found = await readIfThere(config, path, { signal: AbortSignal.timeout(patience) });
  return found === undefined ? undefined : schema.parse(found);
}
