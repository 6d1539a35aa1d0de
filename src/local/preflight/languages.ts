import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { findBasePython } from "../../adapters/truss/interpreter.ts";
import { OperatorError } from "../../domain/errors.ts";
import { refusal } from "../refusals.ts";
import { goVersionNeeded } from "../toolchain/goFailure.ts";
import type { Check } from "./check.ts";

/** Go 1.21 was the first that fetches a newer Go when a module asks for it (https://go.dev/doc/toolchain). */
const fetchesToolchains = "1.21";

/** Only asked for while something is left to build. */
export const go: Check = {
  name: "Go",
  check: async ({ missingTools, run }) => {
    const missing = await missingTools();
    if (missing.length === 0) return undefined;
    const needed = goVersionNeeded;
    const { code, output } = await run(["go", "env", "GOVERSION", "GOTOOLCHAIN"]);
    if (code !== 0) return { lack: refusal("machine.no-go", null, { tools: missing.join(", "), needed }) };
    const [release = "", toolchain = ""] = output.split("\n");
    const version = release.replace(/^go/, "");
    if (isAtLeast(version, needed)) return undefined;
    if (isAtLeast(version, fetchesToolchains) && toolchain !== "local") return undefined;
    return { lack: refusal("machine.old-go", null, { version, needed }) };
  },
};

/** Only asked for while no Python environment is prepared; `ensurePythonLayers` looks again each time, which is slow. */
export const python: Check = {
  name: "Python",
  check: async ({ cache, env }) => {
    if ((await readdir(join(cache, "python")).catch(() => [])).length > 0) return undefined;
    try {
      await findBasePython(env, AbortSignal.timeout(20_000));
      return undefined;
    } catch (error) {
      if (!(error instanceof OperatorError)) return { lack: refusal("machine.silent-python", null) };
      // A package does not help somebody who named an interpreter.
      const [named] = error.refusals;
      if (env.MENAGERIE_PYTHON && named) return { lack: named };
      return { lack: refusal("machine.no-python", null), packages: ["python"] };
    }
  },
};

/** Compares `major.minor` only; `1.27rc1` is 1.27. */
export function isAtLeast(version: string, wanted: string): boolean {
  const numbers = (text: string) => /^(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number) ?? [0, 0];
  const [major = 0, minor = 0] = numbers(version);
  const [wantedMajor = 0, wantedMinor = 0] = numbers(wanted);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
