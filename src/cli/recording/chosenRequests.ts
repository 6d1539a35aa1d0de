import { createHmac } from "node:crypto";
import type { Client } from "pg";
import { kubeConfigOf } from "../../adapters/kubernetes/kubeConfigFile.ts";
import { readSecretValue } from "../../adapters/kubernetes/secretKeys.ts";
import { requestsWith } from "../../adapters/postgres/predictions/forget.ts";
import { type StoredAs, type WantedValue, wantedValue } from "../../domain/redaction/forgotten.ts";
import { Pseudonyms } from "../../domain/redaction/pseudonyms.ts";
import { Redactor } from "../../domain/redaction/redactor.ts";
import { parseFieldPath } from "../../domain/shadow/fieldPath.ts";
import { refuse } from "../commands/refusals.ts";
import type { RecordingSides } from "../recordingSides.ts";

/** What is to be forgotten: requests by id, or all that have a value. */
export type Wanted =
  /** `stored`: the id as rows have it, which holds no value that is redacted. */
  { readonly ids: ReadonlySet<string>; readonly stored: string } | { readonly value: WantedValue };

/** Requests that were found, on any side. */
export interface ChosenRequests {
  readonly ids: Set<string>;
  /** On which they were found, as `YYYY-MM-DD`; undefined for requests that are named, whenever they came. */
  readonly days: Set<string> | undefined;
  /** Bodies that could be neither read nor searched for the value. */
  readonly unread: number;
}

/** @throws OperatorError unless exactly one of both is given, and a path is one. */
export function wantedRequests(
  { request, where }: { readonly request?: string | undefined; readonly where?: string | undefined },
  storedAs: StoredAs | undefined,
): Wanted {
  if ((request === undefined) === (where === undefined)) throw refuse("recording.which");
  if (request !== undefined) {
    // As it came, and as recorders that redact store it.
    const stored = storedAs?.redactor.text(request) ?? request;
    return { ids: new Set([request, stored]), stored };
  }
  const at = where?.indexOf("=") ?? -1;
  const path = at < 1 ? undefined : parseFieldPath(where?.slice(0, at) ?? "");
  if (!path) throw refuse("recording.bad-where", { where: where?.slice(0, Math.max(at, 0)) ?? "" });
  return { value: wantedValue(path, where?.slice(at + 1) ?? "", storedAs) };
}

/** Found on any side, a request is forgotten on all of them. */
export async function chosenRequests(
  client: Client,
  { sides }: RecordingSides,
  wanted: Wanted,
): Promise<ChosenRequests> {
  if ("ids" in wanted) return { ids: new Set(wanted.ids), days: undefined, unread: 0 };
  const [ids, days] = [new Set<string>(), new Set<string>()];
  let unread = 0;
  for (const { schema } of sides) {
    const found = await requestsWith(client, schema, wanted.value);
    for (const id of found.ids) ids.add(id);
    for (const day of found.days) days.add(day);
    unread += found.unread;
  }
  return { ids, days, unread };
}

/** By the key that the recorders have; undefined where nothing of what is recorded was ever redacted under one. */
export async function storedAsOf(
  { sides, namespace, redact }: RecordingSides,
  kubeconfig: string,
): Promise<StoredAs | undefined> {
  const [first] = sides;
  const secret = first?.secret ?? "";
  const key = await readSecretValue(kubeConfigOf(kubeconfig), namespace, secret, "pseudonyms");
  if (key !== undefined) {
    const pseudonyms = new Pseudonyms((text) => createHmac("sha256", key).update(text).digest());
    return { pseudonyms, redactor: new Redactor(redact, pseudonyms) };
  }
  if (redact.length > 0) throw refuse("recording.no-key", { namespace, secret });
  return undefined;
}
