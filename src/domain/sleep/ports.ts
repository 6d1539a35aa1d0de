/** An InferenceService, as the cluster has it. */
export interface SleepingService {
  readonly name: string;
  /** Name of the model, or of the shadow deployment. */
  readonly model: string;
  /** A version of the zoo, the model of a shadow deployment that answers, or one that gets copies, whose answers nobody waits for. */
  readonly role: "version" | "primary" | "shadow";
  /** Minutes without a request after which it is stopped; undefined for one that does not sleep. */
  readonly idleMinutes: number | undefined;
  /** Whether it is told to be stopped. */
  readonly isStopped: boolean;
  /** Whether a recorder is in front of it. */
  readonly recorded: boolean;
  /** Node pool of its pods. */
  readonly pool: string;
  /** In milliseconds since 1970. */
  readonly createdAt: number;
  /** Id of the registered version, of a development version. */
  readonly versionId?: string | undefined;
  /** The full deployment that made it, of a version that a client pushed. */
  readonly deploymentId?: string | undefined;
}

/** What was found of a version that the cluster runs. */
export type Prepared =
  /** Requests may go to it. */
  | { readonly kind: "answers" }
  | { readonly kind: "starting" }
  /** Waiting does not mend it; the reason completes "iris-v2 does not start: …". */
  | { readonly kind: "broken"; readonly reason: string };

/** Why a version does not answer. */
export interface Hindrance {
  readonly reason: string;
  /** Waiting does not mend it. */
  readonly isHopeless: boolean;
}

/** What the cluster runs, kept up to date by watches. */
export interface SleepCluster {
  /** False until everything was listed once: what is not known then may be there. */
  isListed(): boolean;
  /** Undefined if no service has that name. */
  find(service: string): SleepingService | undefined;
  /** All, those that do not sleep too. */
  services(): readonly SleepingService[];
  /** Names of its pods, those that do not answer yet too; those that end are left out. */
  pods(service: string): readonly string[];
  /**
   * Pods that answer; none while one of its parts, model and recorder, has none.
   * @param ignored - names of pods that are not looked at
   */
  readyPods(service: string, ignored: ReadonlySet<string>): readonly string[];
  /** @param ignored - names of pods that are not looked at */
  hindrance(service: string, ignored: ReadonlySet<string>): Hindrance | undefined;
  /** Resolves at the next change of anything, or after `milliseconds`. */
  changed(milliseconds: number): Promise<void>;
  /**
   * Tells the cluster to stop the service, or to run it.
   *
   * @param since - moment of `performance.now()` after which more than 4 s may not pass until the cluster is told. @default now
   * @throws where they do: what was to be told may be wrong by then
   */
  setStopped(service: string, isStopped: boolean, since?: number): Promise<void>;
}
