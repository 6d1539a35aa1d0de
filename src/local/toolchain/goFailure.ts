import { OperatorError } from "../../domain/errors.ts";

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
  const text = failure.lines.join("\n");
  const say = (sentence: string) => new OperatorError(sentence, spawnError ? { cause: spawnError } : {});
  if (spawnError?.code === "ENOENT") {
    return say(
      `building ${purpose} needs Go ${goVersionNeeded} or newer, and there is no go on PATH: install it from https://go.dev/dl and put its bin folder on PATH`,
    );
  }
  if (failure.stalled) {
    return say(
      `building ${purpose} stopped: nothing arrived from the Go module proxy for a while (\`go env GOPROXY\`, HTTPS_PROXY); run this again, it goes on with what has arrived`,
    );
  }
  // The linker maps what it writes into memory: on a full disk it dies of a bus error instead of an error message.
  if (/no space left on device|ENOSPC|disk quota exceeded|SIGBUS|signal: bus error/i.test(text)) {
    return say(
      `building ${purpose} ran out of disk space: free about 8 GB where \`go env GOCACHE GOMODCACHE GOTMPDIR\` and MENAGERIE_CACHE point, then run this again (what is built already is kept; log: ${log})`,
    );
  }
  const older = /requires go >= ([\d.]+) \(running go ([\d.]+)/.exec(text);
  if (older) {
    return say(
      `building ${purpose} needs Go ${older[1]} or newer and this is Go ${older[2]}: install a newer one from https://go.dev/dl, or let go fetch it with GOTOOLCHAIN=auto`,
    );
  }
  // Before 1.21 go did not know that a go.mod can need a newer one, and says what it does not understand.
  if (/invalid go version '|unknown (directive|block type): (tool|toolchain)\b/.test(text)) {
    return say(
      `building ${purpose} needs Go ${goVersionNeeded} or newer and this one is too old to read its go.mod: install a newer one from https://go.dev/dl`,
    );
  }
  if (/download go[\d.]+ for \S+: /.test(text)) {
    return say(
      `building ${purpose} needs a newer Go, which go could not fetch (${lastMeaningful(failure.lines, 1)}): install Go ${goVersionNeeded} or newer from https://go.dev/dl`,
    );
  }
  if (/checksum mismatch|SECURITY ERROR/.test(text)) {
    return say(
      `building ${purpose}: a downloaded Go module is not the one that go.sum pins, so nothing was built: look at GOPROXY and at ${log}`,
    );
  }
  if (isNetworkFailure(text)) {
    return say(
      `building ${purpose} could not download its Go modules (${lastMeaningful(failure.lines, 1)}): connect this machine to a Go module proxy (GOPROXY, HTTPS_PROXY), then run this again`,
    );
  }
  if (failure.killedBy === "SIGKILL" || /signal: killed/.test(text)) {
    return say(
      `building ${purpose} was killed, most often for lack of memory: free about 4 GB, then run this again (it goes on where it stopped; log: ${log})`,
    );
  }
  return say(`building ${purpose} failed: ${lastMeaningful(failure.lines, 5)} (whole log: ${log})`);
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
