import type { KubeConfig } from "@kubernetes/client-node";
import * as z from "zod";
import { requestJson } from "./request.ts";

/** How long the API server may take, in milliseconds. */
const patience = 10_000;

const variable = z.object({ name: z.string(), value: z.string().optional() });
const container = z.object({ env: z.array(variable).default([]) });
const deployments = z.object({
  items: z.array(
    z.object({ spec: z.object({ template: z.object({ spec: z.object({ containers: z.array(container) }) }) }) }),
  ),
});

/**
 * Feature gates of the Karpenter that runs in the cluster, from the variable FEATURE_GATES of its Deployment, as its chart writes it;
 * undefined where no Deployment has the chart's label.
 */
export async function readKarpenterGates(config: KubeConfig): Promise<Readonly<Record<string, boolean>> | undefined> {
  const query = { labelSelector: "app.kubernetes.io/name=karpenter" };
  const found = await requestJson(config, "GET", "/apis/apps/v1/deployments", {
    query,
    signal: AbortSignal.timeout(patience),
  });
  const { items } = deployments.parse(found);
  if (items.length === 0) return undefined;
  const variables = items.flatMap(({ spec }) => spec.template.spec.containers).flatMap(({ env }) => env);
  return parseGates(variables.find(({ name }) => name === "FEATURE_GATES")?.value ?? "");
}

/** `A=true,B=false` */
export function parseGates(text: string): Readonly<Record<string, boolean>> {
  const pairs = text.split(",").map((pair) => pair.trim().split("="));
  return Object.fromEntries(pairs.flatMap(([name, value]) => (name ? [[name, value === "true"]] : [])));
}
