import type { Pool } from "pg";
import type { DevelopmentVersion } from "../../../adapters/postgres/developmentVersions.ts";
import type { PushStatus } from "../../../adapters/postgres/pushes.ts";
import type { KeyScope } from "../../../domain/access/apiKey.ts";
import type { DeletedVersion, PushedVersion } from "../../../domain/development/contract.ts";
import type { Versions } from "../development/versions.ts";

/** What a push of a client becomes. */
export interface DraftRequest {
  readonly organizationId: string;
  readonly name: string;
  /** Key of the upload. */
  readonly upload: string;
}

/** Full deployments of versions that clients make. */
export interface Deployments {
  /** Starts one; answers the ids of the model and of its development version. */
  deployDraft(request: DraftRequest): Promise<{ readonly modelId: string; readonly versionId: string }>;
  /** How the version's last full deployment is; undefined for versions that a stack declares. */
  status(versionId: string): Promise<PushStatus | undefined>;
  /** Versions that clients pushed, among those that the key opens. */
  list(scope: KeyScope): Promise<readonly PushedVersion[]>;
  /** Deletes one with all it has: service, chain, record of its pushes, archives. Refuses what a stack declares. */
  remove(version: DevelopmentVersion): Promise<DeletedVersion>;
}

export interface GraphqlParts {
  readonly pool: Pool;
  readonly versions: Versions;
  readonly find: (versionId: string) => Promise<DevelopmentVersion | undefined>;
  readonly signingKey: string;
  readonly now: () => number;
  readonly newId: () => string;
  /**
   * Builds what clients push.
   * @default pushes are refused: the stack alone deploys
   */
  readonly deployments?: Deployments | undefined;
}

/** Who asks, and by which address. */
export interface GraphqlContext {
  readonly scope: KeyScope;
  /** As records name who asks: `key Ab12Cd34`, or `the stack`. */
  readonly name: string;
  /** Scheme and host of the request, such as `http://127.0.0.1:18081`. */
  readonly origin: string;
}
