import type { OperatorError } from "../../domain/errors.ts";
import { refuse } from "./refusals.ts";

export interface GoFailure {
  /** What was being made, such as `etcd`. */
  readonly purpose: string;
  /** Standard error of go. */
  readonly lines: readonly string[];
  readonly log: string;
  readonly spawnError?: NodeJS.ErrnoException;
  readonly killedBy?: NodeJS.Signals;
  /** It was ended because nothing happened any more. */
  readonly stalled?: boolean;
}

export const goVersionNeeded = "1.26";

/** The one thing to do about a failed go command, as far as its output tells; else its last meaningful lines. */
export function explainGoFailure(failure: GoFailure): OperatorError {
  const { purpose, log, spawnError } = failure;
  const version = goVersionNeeded;
  const text = failure.lines.join("\n");
  if (spawnError?.code === "ENOENT") return refuse("go.missing", { purpose, version }, spawnError);
  if (failure.stalled) return refuse("go.stalled", { purpose }, spawnError);
  // The linker maps what it writes into memory: on a full disk it dies of a bus error instead of an error message.
  if (/no space left on device|ENOSPC|disk quota exceeded|SIGBUS|signal: bus error/i.test(text)) {
    return refuse("go.disk-full", { purpose, log }, spawnError);
  }
  const [, needed, running] = /requires go >= ([\d.]+) \(running go ([\d.]+)/.exec(text) ?? [];
  if (needed && running) return refuse("go.too-old", { purpose, needed, running }, spawnError);
  // Before 1.21 go did not know that a go.mod can need a newer one, and says what it does not understand.
  if (/invalid go version '|unknown (directive|block type): (tool|toolchain)\b/.test(text)) {
    return refuse("go.very-old", { purpose, version }, spawnError);
  }
  const reason = lastMeaningful(failure.lines, 1);
  if (/download go[\d.]+ for \S+: /.test(text)) {
    return refuse("go.newer-not-fetched", { purpose, version, reason }, spawnError);
  }
  if (/checksum mismatch|SECURITY ERROR/.test(text)) return refuse("go.other-module", { purpose, log }, spawnError);
  if (isNetworkFailure(text)) return refuse("go.offline", { purpose, reason }, spawnError);
  if (failure.killedBy === "SIGKILL" || /signal: killed/.test(text)) {
    return refuse("go.killed", { purpose, log }, spawnError);
  }
  return refuse("go.failed", { purpose, reason: lastMeaningful(failure.lines, 5), log }, spawnError);
}

export function isNetworkFailure(text: string): boolean {
  return /dial tcp|no such host|i\/o timeout|TLS handshake|connection (refused|reset)|network is unreachable|proxyconnect|name resolution|unexpected EOF|module lookup disabled|reading https?:\/\/\S+: \d{3}|\b(403|404|407|429|50[0-4]) [A-Z]/.test(
    text,
  );
}

/** The last lines that say something: package names that `-v` prints and empty ones do not. */
export function lastMeaningful(lines: readonly string[], count: number): string {
  const meaningful = lines.map((line) => line.trim()).filter((line) => line !== "" && /\s/.test(line));
  return (
    (meaningful.length > 0 ? meaningful : lines.map((line) => line.trim())).slice(-count).join("; ") || "no output"
  );
}
