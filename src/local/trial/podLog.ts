import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { tailText } from "../node/containerLog.ts";
import { logFile } from "../node/containerProcess.ts";

/** What the runs of a pod's containers wrote, the last lines of it. @param podFolder - the pod's, as a node has it */
export async function readPodLog(podFolder: string, lines: number, bytes: number): Promise<string> {
  const containers = join(podFolder, "containers");
  let text = "";
  for (const name of (await readdir(containers).catch(() => [])).sort()) {
    const folder = join(containers, name);
    const runs = (await readdir(folder).catch(() => [])).flatMap((file) => /^(\d+)\.log$/.exec(file)?.[1] ?? []);
    for (const run of runs.map(Number).sort((a, b) => a - b)) {
      const path = logFile(folder, run);
      for (const part of [`${path}.1`, path]) text += await readFile(part, "utf8").catch(() => "");
    }
  }
  return tailText(text, lines, bytes);
}
