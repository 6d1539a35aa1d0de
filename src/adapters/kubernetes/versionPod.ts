import type { V1Pod } from "@kubernetes/client-node";
import type { VersionPod } from "../../domain/development/ports.ts";
import { credentialVariables } from "../../domain/serving/credentialFiles.ts";
import { containerPort } from "../../domain/serving/servedModel.ts";

/** The model's container in a pod. */
export const modelContainer = "kserve-container";

/** A development version's pod that can be patched: it has an address, its container runs, and nobody has told it to end. */
export function versionPod({ metadata = {}, spec, status }: V1Pod): VersionPod | undefined {
  const container = status?.containerStatuses?.find(isModel);
  const startedAt = container?.state?.running?.startedAt;
  if (metadata.deletionTimestamp || !status?.podIP || !container?.containerID || !startedAt) return undefined;
  const env = spec?.containers.find(isModel)?.env ?? [];
  const host = status.podIP.includes(":") ? `[${status.podIP}]` : status.podIP;
  return {
    name: metadata.name ?? "",
    url: `http://${host}:${containerPort}`,
    instance: container.containerID,
    startedAt: new Date(startedAt).getTime(),
    isReady: container.ready,
    variables: new Set(env.map(({ name }) => name)),
    readsCredentialFiles: Object.entries(credentialVariables).every(([wanted, wantedValue]) =>
      env.some(({ name, value }) => name === wanted && value === wantedValue),
    ),
  };
}

const isModel = ({ name }: { readonly name: string }): boolean => name === modelContainer;
