import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** The ways in which a secret may stand in a text: as it is, quoted by JSON, in a url, and in base64 at each of its three alignments. */
export function formsOf(secret: string): string[] {
  const inBase64 = [0, 1, 2].map((shift) =>
    // Digits that the bytes before and behind it do not change.
    Buffer.from(`${"\0".repeat(shift)}${secret}`)
      .toString("base64")
      .replaceAll("=", "")
      .slice(shift === 0 ? 0 : shift + 1, -1),
  );
  const all = [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), encodeURI(secret), ...inBase64];
  return [...new Set([...all, ...inBase64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))])];
}

/** Names of the secrets that a text holds, in any form. */
export function secretsIn(text: string, secrets: Readonly<Record<string, string>>): string[] {
  return Object.entries(secrets)
    .filter(([, secret]) => formsOf(secret).some((form) => text.includes(form)))
    .map(([name]) => name);
}

/** `<file>: <name>` for each secret in a file of a folder, at any depth. Links are not followed, sockets and pipes not read. */
export function secretsInFolder(
  folder: string,
  secrets: Readonly<Record<string, string>>,
  isLeftOut: (path: string) => boolean = () => false,
): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (isLeftOut(path)) return [];
    if (entry.isDirectory()) return secretsInFolder(path, secrets, isLeftOut);
    return entry.isFile() ? secretsIn(textOf(path), secrets).map((name) => `${path}: ${name}`) : [];
  });
}

/** Empty where it went meanwhile, as temporary files do. */
function textOf(path: string): string {
  try {
    return statSync(path).size > 2 ** 28 ? "" : readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

/** Command lines of every process that this one may see: what `ps` shows to everybody on the machine. */
export function commandLines(): string {
  return readFileOfProcesses("cmdline").join("\n");
}

/** Command lines or environments of all processes, those left out that are gone by now. */
export function readFileOfProcesses(file: "cmdline" | "environ"): string[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/${file}`, "utf8").replaceAll("\0", " ")];
      } catch {
        return [];
      }
    });
}
