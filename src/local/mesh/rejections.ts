/** A table of Istio's control plane that Envoy did not take. It goes on with the one before, and no later change of it is followed. */
export interface Rejection {
  /** Kind of the table, such as `RouteConfiguration`. */
  readonly table: string;
  /** When Envoy first refused it, in milliseconds of the epoch. */
  readonly since: number;
  /** Envoy's words. */
  readonly reason: string;
}

/** An object of Istio's, with the time of its last change. */
export interface ChangedObject {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Milliseconds of the epoch. */
  readonly changedAt: number;
}

const longestReason = 300;

/** Statistics that say when a table was taken last, by its kind. */
const takenAt: Readonly<Record<string, RegExp>> = {
  RouteConfiguration: /\.rds\..*\.update_time: (\d+)$/gm,
  Cluster: /^cluster_manager\.cds\.update_time: (\d+)$/gm,
  Listener: /^listener_manager\.lds\.update_time: (\d+)$/gm,
};

/**
 * The tables that Envoy refuses now: those of which its log has a refusal that is newer than what it took last.
 * @param log of Envoy; @param stats of its admin interface, with a line for each
 */
export function rejectionsOf(log: string, stats: string): readonly Rejection[] {
  const entries = log.split(/^(?=\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\])/m);
  const found = new Map<string, Rejection>();
  for (const entry of entries) {
    const [, time = "", table = "", words = ""] =
      /^\[(\S+ \S+?)\].* gRPC config for type\.googleapis\.com\/[\w.]*?(\w+) rejected: ([\s\S]*)/.exec(entry) ?? [];
    const since = Date.parse(`${time.replace(" ", "T")}Z`);
    const taken = Math.max(0, ...[...stats.matchAll(takenAt[table] ?? /$^/g)].map(([, at]) => Number(at)));
    if (table === "" || since <= taken || found.has(table)) continue;
    // After the entry, lines of the access log can follow.
    const reason = words.split(/\n(?=\d{4}-\d\d-\d\dT)/)[0] ?? "";
    found.set(table, { table, since, reason: reason.replace(/\s+/g, " ").trim().slice(0, longestReason) });
  }
  return [...found.values()];
}

/** The object that a table is refused for, as far as times tell: the one that changed last before Envoy refused. */
export function suspectOf({ since }: Rejection, objects: readonly ChangedObject[]): ChangedObject | undefined {
  // Times of objects are whole seconds, and istiod waits for more changes before it tells Envoy.
  const before = objects.filter(({ changedAt }) => changedAt <= since);
  return before.toSorted((a, b) => b.changedAt - a.changedAt)[0];
}
