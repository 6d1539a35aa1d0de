/**
 * The first `npm run up` of a clean clone with empty caches (tools, Go's, pip's) under MENAGERIE_TOOLS=release, against a local server that
 * plays the release hosts at 10 MB/s with this machine's own builds: once with what is pinned today, so that the rest is built, and once
 * with all that tools/releases.yaml names. npm's and Go's modules and Python's packages come from where they always come from.
 */
import { FirstRun, publishOwnBuilds } from "../support/firstRun.ts";
import { startReleaseServer } from "../support/releaseServer.ts";

function line(name: string, value: string): void {
  console.log(`${name.padEnd(52)} ${value}`);
}

for (const all of [false, true]) {
  const server = await startReleaseServer(10e6);
  const clone = await FirstRun.create();
  try {
    const releases = await publishOwnBuilds(server, clone.folder, all);
    await clone.pin(releases);
    const install = await clone.menagerie(["--version"]);
    const { up, prediction } = await clone.up({ MENAGERIE_TOOLS: "release", MENAGERIE_TOOLS_URL: server.url });
    const what = all ? "all releases" : "what is pinned today";
    const total = install + up + prediction;
    const parts = `npm ci ${install.toFixed(1)}, up ${up.toFixed(1)}, prediction ${prediction.toFixed(1)}`;
    line(`cold, ${what}, 10 MB/s, to the first answer`, `${total.toFixed(1)} s (${parts})`);
    for (const said of clone.output.split("\n")) if (/^✓|^MENAGERIE_TOOLS/.test(said)) console.log(`  ${said}`);
  } finally {
    await clone.dispose();
    await server.close();
  }
}
