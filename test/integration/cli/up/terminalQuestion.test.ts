import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

/** The question at a real terminal: Python's `pty` gives the command one, and hands on what is typed. */

const project = join(import.meta.dirname, "../../../..");
const script = join(project, "test/support/scriptedUp.ts");
const terminal = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

function namespace(op: "same" | "delete", name: string): object {
  const state = { inputs: { metadata: { name } }, outputs: {} };
  const sides = op === "delete" ? { oldState: state } : { oldState: state, newState: state };
  return { op, urn: `urn:pulumi:staging::menagerie::kubernetes:core/v1:Namespace::${name}`, ...sides };
}

/** Types once the question is there. */
function answer(
  previews: readonly (readonly object[])[],
  typed: string,
): Promise<{ code: number | null; said: string }> {
  return new Promise((resolve, reject) => {
    const command = [process.execPath, script, JSON.stringify(previews)];
    const child = spawn("python3", ["-c", terminal, ...command], { cwd: project });
    let said = "";
    let isAsked = false;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (isAsked || !said.includes("[y/N]")) return;
      isAsked = true;
      child.stdin.write(typed);
    });
    child.stderr.pipe(process.stderr);
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, said: said.replaceAll("\r", "") }));
  });
}

const gone = [namespace("delete", "models")];
const more = [...gone, namespace("delete", "baseten")];
const engine = (said: string) => [...said.matchAll(/^engine: (.*)$/gm)].map(([, args]) => args);
const up = "up --yes --skip-preview --suppress-outputs";

it.each<[string, string, readonly (readonly object[])[], number, string[], RegExp]>([
  ["yes", "y\n", [gone, gone], 0, ["preview", "preview", up], /delete Namespace models: everything in it is deleted/],
  ["no", "n\n", [gone], 3, ["preview"], /not agreed to, and nothing was done/],
  ["return, which is no", "\n", [gone], 3, ["preview"], /not agreed to, and nothing was done/],
  [
    "yes, when more would go by then",
    "y\n",
    [gone, more],
    3,
    ["preview", "preview"],
    /Namespace baseten(.*\n)*.*by now more would be deleted/,
  ],
  ["yes, when less would go by then", "y\n", [more, gone], 0, ["preview", "preview", up], /Namespace baseten/],
  ["Ctrl-C", "\u0003", [gone], 130, ["preview"], /interrupted; nothing was done/],
  ["Ctrl-D", "\u0004", [gone], 130, ["preview"], /interrupted; nothing was done/],
])("%s", async (_what, typed, previews, code, started, says) => {
  const { said, ...ended } = await answer(previews, typed);
  expect(ended.code, said).toBe(code);
  expect(engine(said)).toEqual(started);
  expect(said).toMatch(says);
});
