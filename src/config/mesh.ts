import { mapping, text } from "./fields.ts";

export const mesh = mapping(
  {
    trustDomain: text(
      /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
      "give the mesh's trust domain, such as cluster.local",
      "Trust domain of the mesh (meshConfig.trustDomain of Istio). Default: cluster.local.",
    ).default("cluster.local"),
  },
  "write {} or {trustDomain: <domain>}",
  "Istio's sidecars run in the pods of models and services (label both namespaces istio-injection=enabled): only the API service then reaches the control servers of development versions. Default: nothing is known of a mesh.",
).optional();
