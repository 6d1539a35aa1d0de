import { randomUUID } from "node:crypto";
import type { Pool } from "pg";
import type { Logger } from "pino";
import type { Dispatcher } from "undici";
import type { DevelopmentVersion } from "../../adapters/postgres/developmentVersions.ts";
import type { UploadStore } from "../../adapters/uploads/uploadStore.ts";
import type { VersionCluster } from "../../domain/development/ports.ts";
import type { Access } from "./access.ts";
import { type AuthorizeParts, authorizeRoute } from "./authorizeRoute.ts";
import { deploymentsRoute, hostsRoute } from "./clientRest.ts";
import { activatorRoute, createActivator } from "./development/activator.ts";
import { developmentRoute } from "./development/routes.ts";
import type { Versions } from "./development/versions.ts";
import type { Deployments } from "./graphql/context.ts";
import { graphqlRoute } from "./graphql/route.ts";
import { settledRoute } from "./limits/settledRoute.ts";
import type { Route } from "./route.ts";
import type { Waking } from "./sleep/waking.ts";
import type { CountRequest } from "./traffic/countAnswer.ts";
import { uploadRoute } from "./uploads/route.ts";

/** What the routes work with. */
export interface RouteParts extends Omit<AuthorizeParts, "access"> {
  readonly access: Access;
  readonly pool: Pool;
  readonly versions: Versions;
  readonly cluster: VersionCluster;
  readonly find: (versionId: string) => Promise<DevelopmentVersion | undefined>;
  readonly waking: Pick<Waking, "during">;
  /** Counts what is answered for versions. */
  readonly count: CountRequest;
  readonly dispatcher: Dispatcher;
  readonly log: Logger;
  /** Bytes. */
  readonly maxBodyBytes: number;
  /** Until a model begins to answer, in milliseconds. */
  readonly timeoutMs: number;
  /**
   * Where clients' uploads go, and what builds them.
   * @default the stack alone deploys: clients patch what it declares, and cannot push
   */
  readonly pushes?: { readonly uploads: UploadStore; readonly deployments: Deployments } | undefined;
}

/** Everything that the API service answers besides predictions of apps and questions about itself. */
export function apiRoutes(parts: RouteParts): Route[] {
  const { access, pool, versions, cluster, find, pushes } = parts;
  const deployments = pushes?.deployments;
  const activator = createActivator(parts);
  const { limits } = parts;
  const clientRest = { pool, access, versions, activator, find, deployments, limits, logs: cluster.logs };
  return [
    authorizeRoute(parts),
    ...(parts.limits ? [settledRoute(parts.limits, parts.signingKey)] : []),
    developmentRoute({ ...parts, deployments }),
    activatorRoute(parts, activator),
    deploymentsRoute(clientRest),
    hostsRoute(clientRest),
    graphqlRoute({ ...parts, deployments, now: Date.now, newId: randomUUID }),
    ...(pushes
      ? [uploadRoute({ store: pushes.uploads, signingKey: parts.signingKey, now: Date.now, log: parts.log })]
      : []),
  ];
}
