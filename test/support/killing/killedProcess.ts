import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

/** Runs a script that kills itself, with its job as JSON on standard input; answers for each of its `count` runs whether it was cut off. */
export async function killedProcess(script: string, job: object, count: number): Promise<boolean[]> {
  const child = spawn(process.execPath, [script], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify(job));
  const [through, [code, signal]] = await Promise.all([
    text(child.stdout),
    once(child, "exit") as Promise<[number | null, string | null]>,
  ]);
  if (signal !== "SIGKILL") throw new Error(`${script} ended with ${code} instead of being killed`);
  const places = new Set(through.trim().split("\n"));
  return Array.from({ length: count }, (_, place) => !places.has(String(place)));
}
