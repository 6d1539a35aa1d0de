// npm run tools:update-pins [-- --write] [--mirror FOLDER]: checks the hashes of tools/releases.yaml against what their publishers say, and
// fills what is empty. With --mirror, downloads all that is pinned into a folder that any web server can serve as MENAGERIE_TOOLS_URL.
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { parseDocument } from "yaml";
import { OperatorError } from "../src/domain/errors.ts";
import { mirror } from "../src/local/toolchain/sources/mirror.ts";
import { mirrorAddress } from "../src/local/toolchain/sources/mode.ts";
import { pinnedReleases, readReleases, releasesFile } from "../src/local/toolchain/sources/pins.ts";
import { publishedPin } from "../src/local/toolchain/sources/published.ts";
import { ReleaseFailure, ReleaseHosts } from "../src/local/toolchain/sources/releaseHost.ts";

const { values } = parseArgs({ options: { write: { type: "boolean", default: false }, mirror: { type: "string" } } });
const architectures = ["x64", "arm64"] as const;
const hosts = new ReleaseHosts(process.env);
const { signal } = new AbortController();
const address = mirrorAddress(process.env);
const at = address === undefined ? {} : { base: address };

async function check(): Promise<boolean> {
  const document = parseDocument(await readFile(releasesFile, "utf8"));
  let [good, filled] = [true, 0];
  for (const [index, release] of (await readReleases()).entries()) {
    for (const architecture of architectures) {
      const pin = release.pins[architecture];
      const say = (verdict: string) =>
        process.stdout.write(`${release.name.padEnd(26)} ${architecture.padEnd(6)} ${verdict}\n`);
      try {
        const found = await publishedPin(release, architecture, { hosts, signal, ...at });
        if (!found) say("has no checksum file; compare its record");
        else if (!pin) {
          say(`${values.write ? "filled" : "is empty; --write fills it"}: ${found.digest}`);
          document.setIn([index, "pins", architecture], found);
          filled += 1;
        } else if (pin.digest === found.digest) say("is as published");
        else {
          good = false;
          say(`DIFFERS: pinned ${pin.digest}, published ${found.digest} (${found.record})`);
        }
      } catch (error) {
        if (!(error instanceof ReleaseFailure)) throw error;
        good = false;
        say(`could not be checked: ${error.message}`);
      }
    }
  }
  if (values.write && filled > 0) await writeFile(releasesFile, document.toString({ lineWidth: 130 }));
  return good;
}

try {
  if (values.mirror !== undefined) {
    for (const architecture of architectures) {
      const pinned = pinnedReleases(await readReleases(), architecture);
      const say = (line: string) => process.stdout.write(`${line}\n`);
      await mirror(pinned, values.mirror, { hosts, signal, say });
    }
  } else if (!(await check())) process.exitCode = 1;
} catch (error) {
  if (!(error instanceof OperatorError || error instanceof ReleaseFailure)) throw error;
  process.stderr.write(`tools:update-pins: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  await hosts.close();
}
