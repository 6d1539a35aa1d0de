import type { Refusal } from "../../domain/refusals/refusal.ts";

/** What a check may look at. Tests make one up. */
export interface Machine {
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
  readonly nodeVersion: string;
  /** Effective user id. */
  readonly uid: number;
  readonly cache: string;
  readonly home: string;
  /** Titles of the tools that are still to be built; see `missingTools`. */
  readonly missingTools: () => Promise<readonly string[]>;
  /** Runs a command without a shell; never throws. `code` is null when it could not be started or was killed. */
  readonly run: (command: readonly string[]) => Promise<{ code: number | null; output: string }>;
  /** Content of a small file such as one of /proc, or undefined. */
  readonly read: (file: string) => Promise<string | undefined>;
}

/** Programs by what they are needed for; each package manager has its own name for their package. */
export type PackageKey = "util-linux" | "iproute2" | "bubblewrap" | "python";

/** Something that the machine lacks. */
export interface Finding {
  /** What lacks, and what to do unless a remedy says it. */
  readonly lack: Refusal;
  /** Packages that mend it; root gets them installed, others are told the command. */
  readonly packages?: readonly PackageKey[];
  /** A command that mends it; root gets it run, others are told it. */
  readonly command?: readonly string[];
}

export interface Check {
  readonly name: string;
  /** Answers what lacks, or undefined when all is well. Never changes anything. */
  readonly check: (machine: Machine) => Promise<Finding | undefined>;
}
