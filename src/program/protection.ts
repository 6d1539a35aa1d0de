import type * as pulumi from "@pulumi/pulumi";
import { copySuffix } from "../domain/zoo/plan.ts";

/**
 * Has the engine refuse to delete or replace what answers requests or stores data, whoever runs it: `menagerie up` deletes it once that
 * is agreed to, a bare `pulumi up` never. Not the InferenceServices, which an edit of a model's content replaces: a model whose route
 * is protected cannot be deleted as a whole. A rollout's copy is there to go, and what stays when it is deleted needs no protection.
 */
export const protectWhatServesOrStores: pulumi.ResourceTransformation = ({ type, props, opts }) => {
  const given: pulumi.CustomResourceOptions = opts;
  if (given.protect || given.retainOnDelete || !servesOrStores(type) || isCopy(props.metadata)) {
    return undefined;
  }
  return { props, opts: { ...given, protect: true } };
};

const types =
  /^kubernetes:(core\/v1:(Namespace|Service|PersistentVolumeClaim)|apps\/v1:(Deployment|StatefulSet)|.*:(VirtualService|HTTPRoute|NodePool|PostgresCluster))$|^postgresql:.*:(Database|Schema)$/;

function servesOrStores(type: string): boolean {
  return types.test(type);
}

function isCopy(metadata: unknown): boolean {
  const labels = typeof metadata === "object" && metadata !== null && "labels" in metadata ? metadata.labels : {};
  const model = (labels as Readonly<Record<string, unknown>> | undefined)?.["menagerie.dev/model"];
  return typeof model === "string" && model.endsWith(copySuffix);
}
