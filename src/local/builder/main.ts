/**
 * `node src/local/builder/main.ts <environment> <home>`: the environment's build service, a child of its keeper, which restarts
 * it. Ends with the keeper, whose end of the pipe on its standard input closes then.
 */
import { createDirectoryBuilder } from "../../adapters/truss/builder.ts";
import { ensurePythonLayers } from "../../adapters/truss/python.ts";
import { silent } from "../../domain/progress.ts";
import { environmentLayout, menagerieCache } from "../layout.ts";
import { listenOnSocket } from "../network/relay.ts";
import { createBuildServer } from "./server.ts";
import { buildToken } from "./token.ts";

const [name = "", home = ""] = process.argv.slice(2);
const layout = environmentLayout(name, home);
const cache = menagerieCache();

const server = createBuildServer({
  token: await buildToken(layout),
  builder: async (signal) => {
    const python = await ensurePythonLayers({ cache, progress: silent, signal });
    return createDirectoryBuilder({ store: layout.images, cache, python, progress: silent, signal });
  },
  log: (line) => console.error(`${new Date().toISOString()} builder: ${line}`),
});
await listenOnSocket(server, layout.socketOf("builder"));
process.stdin.resume().once("end", () => process.exit(0));
