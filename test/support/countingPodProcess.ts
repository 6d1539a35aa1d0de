/** A {@link startCountingPod} that can be killed: `node test/support/countingPodProcess.ts NAME ORIGIN…`, with the pool's settings as JSON in POOL. */
import pg from "pg";
import { startCountingPod } from "./countingPod.ts";

const [name = "", ...origins] = process.argv.slice(2);
const pool = new pg.Pool(JSON.parse(process.env.POOL ?? "{}"));
pool.on("error", () => {});
const { port } = await startCountingPod(pool, name, ...origins);
process.stdout.write(`${port}\n`);
