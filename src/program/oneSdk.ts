import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { RunError } from "@pulumi/pulumi";

/**
 * Refuses, when it is loaded, to declare anything through another copy of Pulumi's SDK than the one that runs the program. Each copy has
 * a state of its own: resources of the second one have no stack above them, and nobody waits for them.
 */

/** The file that Pulumi's language host starts a program with (3.259: `@pulumi/pulumi/cmd/run/index.js`). */
const runner = join("@pulumi", "pulumi", "cmd", "run");

/** The SDK's folder that the file lies in, links resolved; undefined for a process that is not a program of the engine. */
export function runningSdk(script: string | undefined): string | undefined {
  if (script === undefined) return undefined;
  const at = script.lastIndexOf(runner);
  if (at < 0) return undefined;
  return realpathSync(join(script.slice(0, at), "@pulumi", "pulumi"));
}

/** The SDKs that this package and its providers' packages would declare resources through, by the package that asks for them. */
export function usedSdks(from: string): ReadonlyMap<string, string> {
  const own = createRequire(from);
  const askers = ["@pulumi/kubernetes", "@pulumi/postgresql"].map((name) => [
    name,
    own.resolve(`${name}/package.json`),
  ]);
  return new Map(
    [["menagerie", from], ...askers].map(([name = "", file = ""]) => [
      name,
      dirname(createRequire(file).resolve("@pulumi/pulumi/package.json")),
    ]),
  );
}

/** A sentence about a copy that is not the one which runs the program; undefined where there is one copy. */
export function secondCopy(running: string | undefined, used: ReadonlyMap<string, string>): string | undefined {
  const [name, folder] = [...used].find(([, each]) => running !== undefined && each !== running) ?? [];
  if (name === undefined) return undefined;
  return `two copies of @pulumi/pulumi: the program runs with ${running}, and ${name} has ${folder}; install one version that both accept (\`npm ls @pulumi/pulumi\` shows them), and install ${name} rather than link to it`;
}

const sentence = secondCopy(runningSdk(process.argv[1]), usedSdks(import.meta.filename));
if (sentence !== undefined) throw new RunError(sentence);
