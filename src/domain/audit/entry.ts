/** Something that was done, as the audit has it. */
export interface AuditRow {
  readonly id: string;
  readonly at: Date;
  /** Such as `key.revoke`; what changed an environment begins with `stack.` or `rollout.`. */
  readonly what: string;
  /** Who did it, by their own word: a user and host, a key's prefix, or `guard`. */
  readonly who: string;
  /** Login of the database's session. */
  readonly login: string;
  /** Where the session came from; null for a socket on the server itself. */
  readonly address: string | null;
  /** What it was done to, and how much of it. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** Where it was done from: the login, and its address where it has one. */
export function describeOrigin({ login, address }: Pick<AuditRow, "login" | "address">): string {
  return address === null ? login : `${login} at ${address}`;
}

/** What it was done to, in a line such as `prefix Ab12Cd34, rights batch`. Nothing of it moves a terminal's cursor. */
export function describeDetails({ details }: Pick<AuditRow, "details">): string {
  return Object.entries(details)
    .flatMap(([name, value]) => {
      const text = Array.isArray(value) && value.every((each) => typeof each === "string") ? value.join(" ") : value;
      return isEmpty(text) ? [] : [`${name} ${typeof text === "string" ? plain(text) : JSON.stringify(text)}`];
    })
    .join(", ");
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** A text on one line; what people and programs wrote may hold anything. */
export function plain(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ");
}
