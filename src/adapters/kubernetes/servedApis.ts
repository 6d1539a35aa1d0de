import type { KubeConfig } from "@kubernetes/client-node";
import * as z from "zod";
import { requestJson } from "./request.ts";

const groupList = z.object({
  groups: z.array(z.object({ versions: z.array(z.object({ groupVersion: z.string() })) })),
});

/** `<group>/<version>` of every API that the cluster serves. */
export async function readServedApis(config: KubeConfig): Promise<ReadonlySet<string>> {
  const { groups } = groupList.parse(
    await requestJson(config, "GET", "/apis", { signal: AbortSignal.timeout(10_000) }),
  );
  return new Set(groups.flatMap(({ versions }) => versions.map(({ groupVersion }) => groupVersion)));
}
