import { credentialFiles } from "../serving/credentialFiles.ts";
import type { PatchOperation } from "./operation.ts";
import type { ControlServer, PatchOutcome } from "./ports.ts";

/** Behind a hash: files of credentials were written, and the patch that they are for is not known to be applied. */
const halfMark = "~half";

/** A running hash without the mark of a patch that is half done. */
export function withoutHalf(running: string): string {
  return running.split(halfMark)[0] ?? running;
}

export function isHalf(running: string): boolean {
  return running.includes(halfMark);
}

/**
 * The control server, which gets the user and password of a requirement's address in files of their own: it runs uv with the requirement
 * as an argument, and logs that command when it fails. The files come in a request before, for it applies packages behind requirements.
 *
 * @param readsFiles - whether the container looks for them.
 */
export function withholding(control: ControlServer, readsFiles: () => Promise<boolean>): ControlServer {
  return {
    ...control,
    patch: async (request): Promise<PatchOutcome> => {
      const { ops, files } = withheld(request.patches);
      if (files.length === 0 || !(await readsFiles())) return control.patch(request);
      const { hash, prevHash } = request;
      const half = `${prevHash}${halfMark}`;
      const written = await control.patch({ hash: half, prevHash, patches: files });
      if (written.kind !== "accepted") return written;
      const outcome = await control.patch({ hash, prevHash: half, patches: ops });
      if (outcome.kind === "accepted" || outcome.kind === "unknown") return outcome;
      // An empty patch changes the hash and nothing else.
      await control.patch({ hash: prevHash, prevHash: half, patches: [] });
      return outcome;
    },
  };
}

interface Credential {
  readonly scheme: string;
  readonly user: string;
  readonly password: string;
  readonly host: string;
  readonly isGit: boolean;
}

const address = /(git\+)?(https?):\/\/([^\s/?#'"`:@]+):([^\s/?#'"`]+)@([^\s/?#'"`@]+)/i;

/** The operations without credentials in requirements, and those that write files with them; none where there are none. */
export function withheld(patches: readonly PatchOperation[]): {
  readonly ops: readonly PatchOperation[];
  readonly files: readonly PatchOperation[];
} {
  const credentials: Credential[] = [];
  const ops = patches.map((op) => {
    if (op.type !== "python_requirement" || op.body.action === "REMOVE") return op;
    const [whole, git, scheme = "", user = "", password = "", host = ""] = address.exec(op.body.requirement) ?? [];
    if (whole === undefined || !isWritable(user) || !isWritable(password)) return op;
    credentials.push({ scheme, user, password, host, isGit: git !== undefined });
    const requirement = op.body.requirement.replace(whole, `${git ?? ""}${scheme}://${host}`);
    return { ...op, body: { ...op.body, requirement } };
  });
  const file = (path: string, lines: readonly string[]): PatchOperation[] =>
    lines.length === 0
      ? []
      : [{ type: "package", body: { action: "ADD", path, content: `${[...new Set(lines)].join("\n")}\n` } }];
  const files = [
    ...file(
      credentialFiles.netrc,
      credentials
        .filter(({ isGit }) => !isGit)
        .map(({ host, user, password }) => {
          const machine = host.replace(/:\d+$/, "");
          return `machine ${machine} login ${decodeURIComponent(user)} password ${decodeURIComponent(password)}`;
        }),
    ),
    ...file(
      credentialFiles.git,
      credentials
        .filter(({ isGit }) => isGit)
        .map(({ scheme, user, password, host }) => `${scheme}://${user}:${password}@${host}`),
    ),
  ];
  return { ops, files };
}

/** A file of credentials knows no quotes. */
function isWritable(encoded: string): boolean {
  try {
    return /^[\x21-\x7e]+$/.test(decodeURIComponent(encoded)) && !/["'\\#]/.test(decodeURIComponent(encoded));
  } catch {
    return false;
  }
}
