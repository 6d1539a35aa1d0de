/** A table of Istio's control plane that Envoy did not take. It goes on with the one before, and no later change of it is followed. */
export interface Rejection {
  /** Kind of the table, such as `RouteConfiguration`. */
  readonly table: string;
  /** When Envoy first refused it, in milliseconds of the epoch. */
  readonly since: number;
  /** When it did so last. */
  readonly lately: number;
  /** When Envoy took the table last before; 0 where it never did. */
  readonly takenAt: number;
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
  // A filter that is gone is not in the listener any more.
  TypedExtensionConfig: /^(?:extension_config_discovery\..*|listener_manager\.lds)\.update_time: (\d+)$/gm,
  ClusterLoadAssignment: /^cluster\..*\.update_time: (\d+)$/gm,
};

/** When Envoy took a table of a kind last, by its statistics; 0 where it never did. */
export function lastTaken(table: string, stats: string): number {
  return Math.max(0, ...[...stats.matchAll(takenAt[table] ?? /$^/g)].map(([, at]) => Number(at)));
}

/**
 * The tables that Envoy refuses now: those of which its log has a refusal that is newer than what it took last.
 * @param log of Envoy; @param stats of its admin interface, with a line for each
 */
export function rejectionsOf(log: string, stats: string): readonly Rejection[] {
  const entries = log.split(/^(?=\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\])/m);
  const found = new Map<string, Rejection>();
  for (const entry of entries) {
    const [, time = "", table = "", words = ""] =
      /^\[(\S+ \S+?)\].* (?:gRPC|delta) config for type\.googleapis\.com\/[\w.]*?(\w+) rejected: ([\s\S]*)/.exec(
        entry,
      ) ?? [];
    const at = Date.parse(`${time.replace(" ", "T")}Z`);
    const taken = lastTaken(table, stats);
    if (table === "" || at <= taken) continue;
    // After the entry, lines of the access log can follow.
    const reason = reasonOf(words.split(/\n(?=\d{4}-\d\d-\d\dT)/)[0] ?? "");
    found.set(table, { table, since: found.get(table)?.since ?? at, lately: at, takenAt: taken, reason });
  }
  return [...found.values()];
}

/** Envoy's words on one line. Of a table that its schema does not take it writes the whole before them. */
function reasonOf(words: string): string {
  const [, caused = words] =
    /Proto constraint validation failed \((?:[\s\S]*\| caused by )?([\s\S]*)\)/.exec(words) ?? [];
  return caused.replace(/\s+/g, " ").trim().slice(0, longestReason);
}

/** Times of objects are whole seconds, and istiod waits for more changes before it tells Envoy. */
const untoldFor = 3_000;
/** So many are tried at most: each takes up to some seconds. */
const mostSuspects = 20;

/**
 * The objects that a table may be refused for, as far as times tell: those that changed since Envoy took it last, the one that changed last
 * first.
 */
export function suspectsOf<Changed extends ChangedObject>(
  { takenAt: taken }: Rejection,
  objects: readonly Changed[],
): readonly Changed[] {
  const since = objects.filter(({ changedAt }) => changedAt >= taken - untoldFor);
  return since.toSorted((a, b) => b.changedAt - a.changedAt).slice(0, mostSuspects);
}
