import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { lastLine } from "../../domain/lastLine.ts";
import type { Progress } from "../../domain/progress.ts";
import { type Refusal, refused, retold } from "../../domain/refusals/refusal.ts";
import { menagerieCache, menagerieHome } from "../layout.ts";
import { missingTools } from "../toolchain/goTools.ts";
import type { Check, Finding, Machine } from "./check.ts";
import { go, python } from "./languages.ts";
import { namespaces, overlay, programs } from "./namespaces.ts";
import { installCommands } from "./packages.ts";
import { disk, linux, node, privateHome } from "./platform.ts";

/** How long to wait for somebody else's package manager, in milliseconds. */
const lockedMs = 180_000;
/** apt: "Could not get lock"; pacman and apk: "unable to lock database". */
const isLocked = /could not get lock|unable to (acquire|lock)/i;

const checks: readonly Check[] = [node, programs, namespaces, overlay, go, python, disk];

/**
 * Makes sure that this machine can run the embedded environment, in a tenth of a second when it can. What lacks is
 * mended when running as root; what is left is told all at once: an `OperatorError` with one line each.
 */
export async function preflight(options: {
  readonly progress: Progress;
  /** Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv;
}): Promise<void> {
  await inspect(thisMachine(options.env ?? process.env), options.progress);
}

/** {@link preflight} of any machine, for tests. */
export async function inspect(machine: Machine, progress: Progress): Promise<void> {
  for (const first of [linux, privateHome]) {
    const elsewhere = await first.check(machine);
    // The other checks would fail there as well and say nothing more, or try out a folder that must not be used.
    if (elsewhere) throw refused(elsewhere.lack);
  }
  let findings = await runChecks(machine);
  if (findings.length > 0 && machine.uid === 0 && (await mend(findings, machine, progress))) {
    findings = await runChecks(machine);
  }
  if (findings.length === 0) return;
  const lacks = await Promise.all(findings.map((finding) => withRemedy(finding, machine)));
  const heading = `this machine lacks ${lacks.length} things:\n`;
  if (lacks.length === 1) throw refused(lacks);
  throw refused(lacks.map((lack, index) => retold(lack, `${index === 0 ? heading : ""}  - ${lack.message}`)));
}

async function runChecks(machine: Machine): Promise<readonly Finding[]> {
  const found = await Promise.all(checks.map((each) => each.check(machine)));
  return found.filter((finding) => finding !== undefined);
}

/** Runs the remedies, packages in one go. Answers whether there was anything to run. */
async function mend(findings: readonly Finding[], machine: Machine, progress: Progress): Promise<boolean> {
  const packages = findings.flatMap((finding) => finding.packages ?? []);
  const installs = packages.length > 0 ? ((await installCommands(packages, machine)) ?? []) : [];
  const commands = [...installs, ...findings.flatMap((finding) => (finding.command ? [finding.command] : []))];
  for (const command of commands) {
    const task = progress.begin(command.join(" "));
    const { code, output } = await runUnlocked(command, machine);
    if (code === 0) task.done();
    else task.failed(lastLine(output) ?? "");
  }
  return commands.length > 0;
}

/** Runs a package manager once nobody else does: two first runs at once, or a machine that updates itself after its start. */
async function runUnlocked(command: readonly string[], machine: Machine): ReturnType<Machine["run"]> {
  const end = Date.now() + lockedMs;
  for (;;) {
    const answer = await machine.run(command);
    if (answer.code === 0 || !isLocked.test(answer.output) || Date.now() > end) return answer;
    await delay(500);
  }
}

async function withRemedy({ lack, command, packages }: Finding, machine: Machine): Promise<Refusal> {
  const remedy = command ? [command] : packages && (await installCommands(packages, machine));
  if (!remedy) return packages ? retold(lack, `${lack.message}; install ${packages.join(", ")}`) : lack;
  const prefix = machine.uid === 0 ? "" : "sudo ";
  return retold(lack, `${lack.message}; run: ${remedy.map((each) => prefix + each.join(" ")).join(" && ")}`);
}

function thisMachine(env: NodeJS.ProcessEnv): Machine {
  let missing: Promise<readonly string[]> | undefined;
  return {
    missingTools: () => {
      missing ??= missingTools(menagerieCache(env), env);
      return missing;
    },
    env,
    platform: process.platform,
    nodeVersion: process.versions.node,
    uid: process.geteuid?.() ?? -1,
    cache: menagerieCache(env),
    home: menagerieHome(env),
    run: ([command = "", ...args]) =>
      new Promise((resolve) => {
        // Outside of any Go module, whose go.mod would change what `go env` answers.
        const options = {
          env: { ...env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
          cwd: tmpdir(),
          timeout: 300_000,
        };
        execFile(command, args, options, (error, stdout, stderr) => {
          const code = error ? (typeof error.code === "number" ? error.code : null) : 0;
          resolve({ code, output: stdout + stderr });
        });
      }),
    read: (file) => readFile(file, "utf8").catch(() => undefined),
  };
}
