import * as z from "zod";
import { mapping, namesTo, text } from "./fields.ts";
import { wrong } from "./schemaClause.ts";

const keyCheck = mapping(
  {
    provider: text(
      /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/,
      "give the name of an extension provider, such as menagerie-keys",
      "Name of the extension provider in MeshConfig that asks the API service, see docs/operations.md. Default: menagerie-keys.",
    ).default("menagerie-keys"),
    gatewayPods: namesTo(
      /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
      "use a label's key, such as istio",
      z.string({ error: wrong("is not text", "give the label's value in quotes") }),
      "write {<label>: <value>}, such as {istio: ingressgateway}",
      "Labels of the gateway's pods, which are in the Gateway's namespace. Default with menagerie:gateway.api: gateway-api: the pods that Istio runs for the Gateway. Needed with istio.",
    )
      .refine((labels) => Object.keys(labels).length > 0, {
        error: wrong("is empty", "give at least one label of the gateway's pods, such as {istio: ingressgateway}"),
      })
      .optional(),
  },
  "write {gatewayPods: {istio: ingressgateway}}",
  "The gateway asks the API service whether a request for a model may pass: it then needs a key for that model, and the limit of its key counts. Needs the stack's own database, and the provider in Istio's MeshConfig. Default: whoever reaches the gateway reaches the models.",
);

export const mesh = mapping(
  {
    trustDomain: text(
      /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
      "give the mesh's trust domain, such as cluster.local",
      "Trust domain of the mesh (meshConfig.trustDomain of Istio). Default: cluster.local.",
    ).default("cluster.local"),
    keyCheck: keyCheck.optional(),
  },
  "write {} or {trustDomain: <domain>}",
  "Istio's sidecars run in the pods of models and services (label both namespaces istio-injection=enabled): only the API service then reaches the control servers of development versions. Default: nothing is known of a mesh.",
).optional();
