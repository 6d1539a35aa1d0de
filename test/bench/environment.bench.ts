/**
 * An embedded environment, as its user feels it: from nothing to the first answered prediction with warm tools, an `up` that
 * changes nothing, memory of all its processes; and what each tool's cold build took when it was built.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { menagerieCache } from "../../src/local/layout.ts";
import { TestHome } from "../local/support/menagerie.ts";

const noOps = 3;

async function timed(name: string, work: () => Promise<{ code: number | null; stderr: string }>): Promise<number> {
  const startedAt = performance.now();
  const { code, stderr } = await work();
  if (code !== 0) throw new Error(`${name} failed: ${stderr}`);
  return (performance.now() - startedAt) / 1000;
}

function line(name: string, value: string): void {
  console.log(`${name.padEnd(52)} ${value}`);
}

/** Proportional set size, which counts shared pages once, in MiB (proc(5), smaps_rollup). */
function memoryOf(pid: number): number {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

const home = await TestHome.create();
try {
  const up = await timed("up", () => home.menagerie(["up"]));
  const predict = await timed("predict", () =>
    home.menagerie(["predict", "iris", "--data", '{"inputs": [[5.1, 3.5, 1.4, 0.2]]}']),
  );
  line("from nothing to the first answered prediction", `${(up + predict).toFixed(1)} s (up ${up.toFixed(1)} s)`);
  const again: number[] = [];
  for (let run = 0; run < noOps; run += 1) again.push(await timed("up", () => home.menagerie(["up"])));
  line(`\`up\` that changes nothing, ${noOps} runs`, `${again.map((seconds) => seconds.toFixed(1)).join(", ")} s`);

  const processes = home.processes().map((process) => ({ ...process, memory: memoryOf(process.pid) }));
  const total = processes.reduce((sum, process) => sum + process.memory, 0);
  line(`memory of ${processes.length} processes (PSS)`, `${total.toFixed(0)} MiB`);
  for (const process of processes.sort((a, b) => b.memory - a.memory).slice(0, 12)) {
    line(`  ${process.command.split("/").slice(-1)[0]?.slice(0, 46) ?? ""}`, `${process.memory.toFixed(0)} MiB`);
  }
} finally {
  await home.dispose();
}

const tools = join(menagerieCache(), "tools");
for (const folder of readdirSync(tools)) {
  const record = JSON.parse(readFileSync(join(tools, folder, "tool.json"), "utf8")) as {
    name?: string;
    seconds?: number;
  };
  if (record.seconds !== undefined) line(`build of ${record.name ?? folder}, when it was made`, `${record.seconds} s`);
}
