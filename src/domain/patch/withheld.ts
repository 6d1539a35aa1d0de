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

/** A requirement ends its address at a space, so that quotes are part of a password. */
const address = /(git\+)?(https?):\/\/([^\s/?#:@]+)(?::([^\s/?#]*))?@([^\s/?#@]+)/gi;

/** The operations without credentials in requirements, and those that write files with them; none where there are none. */
export function withheld(patches: readonly PatchOperation[]): {
  readonly ops: readonly PatchOperation[];
  readonly files: readonly PatchOperation[];
} {
  const credentials: Credential[] = [];
  const ops = patches.map((op) => {
    if (op.type !== "python_requirement") return op;
    // What is removed is asked for nowhere.
    const isAsked = op.body.action !== "REMOVE";
    const requirement = op.body.requirement.replace(
      address,
      (whole, git: string | undefined, scheme: string, user: string, password = "", host: string) => {
        if (decoded(user) === undefined || decoded(password) === undefined) return whole;
        if (isAsked) credentials.push({ scheme, user, password, host, isGit: git !== undefined });
        return `${git ?? ""}${scheme}://${host}`;
      },
    );
    return requirement === op.body.requirement ? op : { ...op, body: { ...op.body, requirement } };
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
          return `machine ${machine} login ${netrcWord(user)} password ${netrcWord(password)}`;
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

/** As uv reads the parts of an address: a % that encodes nothing is itself. Undefined for what no file of credentials can say. */
function decoded(part: string): string | undefined {
  try {
    const text = part.replace(/(?:%[0-9a-f]{2})+/gi, decodeURIComponent);
    return hasControlCharacter(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

function hasControlCharacter(text: string): boolean {
  return [...text].some((character) => character < " " || character === "\x7f");
}

/** A word of a netrc file, as Python's library and uv's read it: in quotes where it has spaces or quotes, or is empty. */
function netrcWord(part: string): string {
  const text = decoded(part) ?? part;
  return /^[^\s"\\#]+$/.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}
