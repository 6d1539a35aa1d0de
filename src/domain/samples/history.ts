/** An entry of the audit about a sample: its export, or that requests in it were forgotten. */
export interface SampleAudit {
  readonly at: Date;
  readonly who: string;
  readonly details: {
    /** Of the sample as it is since then; null where it was deleted. */
    readonly digest: string | null;
    /** Of the sample before, where requests were forgotten. */
    readonly was?: string | undefined;
    readonly expiresAt: string;
    readonly recipients: readonly string[];
    /** Where it was written: a path on the exporter's machine, or `s3://bucket/key`. Undefined in entries of an earlier release. */
    readonly place?: string | undefined;
  };
}

/** A sample that was exported and may still be somewhere. */
export interface ExportedSample {
  readonly digest: string;
  readonly expiresAt: string;
  readonly exportedAt: Date;
  readonly exportedBy: string;
  readonly place: string | undefined;
}

/** A digest is of the requests alone: two exports may have the same ones, and expire at different times. */
interface SampleIdentity {
  readonly digest: string;
  readonly expiresAt: string;
}

/** Public keys that a sample was encrypted for; undefined where this environment did not export it. */
export function recipientsOf(
  audit: readonly SampleAudit[],
  { digest, expiresAt }: SampleIdentity,
): readonly string[] | undefined {
  return audit.findLast(({ details }) => details.digest === digest && details.expiresAt === expiresAt)?.details
    .recipients;
}

/** Exports that have not expired, as they are since requests in them were last forgotten, without those that were `seen`. */
export function unseenExports(
  audit: readonly SampleAudit[],
  seen: readonly SampleIdentity[],
  now: Date,
): readonly ExportedSample[] {
  const keyOf = ({ digest, expiresAt }: SampleIdentity): string => `${digest} ${expiresAt}`;
  const current = new Map<string, ExportedSample>();
  for (const { at, who, details } of audit) {
    const { digest, was, expiresAt, place } = details;
    const before = was === undefined ? undefined : current.get(keyOf({ digest: was, expiresAt }));
    if (was !== undefined) current.delete(keyOf({ digest: was, expiresAt }));
    if (digest === null) continue;
    const sample = { digest, expiresAt };
    current.set(keyOf(sample), {
      ...sample,
      exportedAt: before?.exportedAt ?? at,
      exportedBy: before?.exportedBy ?? who,
      place: before?.place ?? place,
    });
  }
  const isSeen = new Set(seen.map(keyOf));
  return [...current.values()].filter((each) => !isSeen.has(keyOf(each)) && Date.parse(each.expiresAt) > now.getTime());
}
