/** `node owner.ts <home> <store> <image>`: brings a trial up, says so, and stays. For tests that kill it. */
import { silent } from "../../../../src/domain/progress.ts";
import { bringUpHere } from "../../../../src/local/trial/bringUp.ts";

const [home = "", store = "", image = ""] = process.argv.slice(2);
await bringUpHere({ home, stores: [store] })(
  {
    name: "owned",
    state: null,
    models: [
      {
        name: "echo",
        content: { image },
        resources: { cpu: "1", memory: "256Mi", gpus: 0 },
        env: { ROLE: "owned" },
        secrets: ["token"],
      },
    ],
  },
  {
    state: "empty",
    secrets: { token: "not for disks" },
    deadline: new Date(Date.now() + 3_600_000),
    progress: silent,
    signal: new AbortController().signal,
  },
);
console.log("up");
setInterval(() => {}, 1_000);
