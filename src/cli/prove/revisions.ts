import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  baseOf,
  type Checkout,
  checkoutOf,
  commitNamed,
  exportCommit,
  LinksOutside,
} from "../../adapters/git/revisions.ts";
import { processIdentity } from "../../adapters/processes/identity.mjs";
import { revisionText } from "../../domain/proof/report/lines.ts";
import type { ProofRevision } from "../../domain/proof/result.ts";
import { projectFolder } from "../../local/localStack.ts";
import { refuse } from "./refusals.ts";
import { type StackAt, stackAt } from "./subjectsAt.ts";

/** A stack at both revisions, as files of this machine. */
export interface BothRevisions {
  readonly base: StackAt & { readonly revision: ProofRevision };
  readonly head: StackAt & { readonly revision: ProofRevision };
}

export interface WantedRevisions {
  readonly stack: string;
  /** @default where the branch left the default one */
  readonly base?: string | undefined;
  /** @default the work tree */
  readonly head?: string | undefined;
}

/**
 * Reads a stack at two revisions and gives both to `work`; what was written for that is deleted at its end.
 *
 * @param workTree - folder of Pulumi.yaml in a checkout. @default that of this program
 */
export async function withRevisions<T>(
  wanted: WantedRevisions,
  work: (both: BothRevisions) => Promise<T>,
  workTree: string = projectFolder,
): Promise<T> {
  const checkout = await checkoutOf(workTree);
  if (!checkout) throw refuse("prove.no-repository", { folder: workTree });
  const head = await headOf(checkout, wanted.head);
  const base = await baseRevision(checkout, wanted.base, head);
  await sweep();
  const folder = await mkdtemp(join(tmpdir(), `${folderPrefix}${process.pid}-`));
  const read = async (side: string, revision: ProofRevision) => {
    const project = revision.revision === null ? workTree : await exported(checkout, revision, join(folder, side));
    return { revision, ...(await stackAt(project, wanted.stack, revisionText(revision))) };
  };
  try {
    return await work({ base: await read("base", base), head: await read("head", head) });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Followed by the pid of the process that works in it. */
const folderPrefix = "menagerie-prove-";

/** Deletes what processes that were killed have left. */
async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const [, pid] = /^menagerie-prove-(\d+)-/.exec(name) ?? [];
    if (pid === undefined || processIdentity(Number(pid)) !== undefined) continue;
    // Another user's is theirs to delete.
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => {});
  }
}

async function headOf(checkout: Checkout, revision: string | undefined): Promise<ProofRevision> {
  if (revision === undefined) return { revision: null, commit: (await commitNamed(checkout, "HEAD")) ?? null };
  const commit = await commitNamed(checkout, revision);
  if (commit === undefined) throw refuse("prove.unknown-revision", { option: "--head", revision });
  return { revision, commit };
}

async function baseRevision(
  checkout: Checkout,
  revision: string | undefined,
  head: ProofRevision,
): Promise<ProofRevision> {
  if (revision === undefined) {
    const commit = await baseOf(checkout, head.commit ?? "HEAD");
    if (commit === undefined) throw refuse("prove.no-base");
    return { revision: commit, commit };
  }
  const commit = await commitNamed(checkout, revision);
  if (commit === undefined) throw refuse("prove.unknown-revision", { option: "--base", revision });
  return { revision, commit };
}

async function exported(checkout: Checkout, revision: ProofRevision, folder: string): Promise<string> {
  await mkdir(folder);
  return exportCommit(checkout, revision.commit ?? "HEAD", folder).catch((error: unknown) => {
    if (!(error instanceof LinksOutside)) throw error;
    throw refuse("prove.link-outside", { revision: revisionText(revision), links: error.links.join(", ") }, error);
  });
}
