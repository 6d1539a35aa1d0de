import { imagesByDigest } from "./imagesByDigest.ts";
import { noClusterAdmin } from "./noClusterAdmin.ts";
import { noControlRoute } from "./noControlRoute.ts";
import { noPlainSecrets } from "./noPlainSecrets.ts";
import { oneDevelopmentReplica } from "./oneDevelopmentReplica.ts";
import { resourcesSet } from "./resourcesSet.ts";
import type { Rule } from "./rule.ts";

/** Rules about one resource. What concerns a resource and those it waits for is in tablesBeforeServices.ts. */
export const rules: readonly Rule[] = [
  imagesByDigest,
  oneDevelopmentReplica,
  resourcesSet,
  noControlRoute,
  noClusterAdmin,
  noPlainSecrets,
];
