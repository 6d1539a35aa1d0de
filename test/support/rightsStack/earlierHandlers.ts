import type { dynamic } from "@pulumi/pulumi";
import { delegateOf } from "../../../src/providers/registry.ts";

/** Handlers as they were before rights were inputs, which `check` adds: they run in the engine's host of dynamic providers. */
export function earlierOf(kind: string): dynamic.ResourceProvider {
  return { ...delegateOf(kind), check: async (_olds, news) => ({ inputs: news, failures: [] }) };
}
