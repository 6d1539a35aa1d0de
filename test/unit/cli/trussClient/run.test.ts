import { describe, expect, it } from "vitest";
import { runTrussClient } from "../../../../src/cli/trussClient/run.ts";

/** A client that says when it is ready, and ends with 0 at a Ctrl-C, as truss does while it watches. */
const client = `
  process.on("SIGINT", () => process.exit(0));
  process.on("SIGTERM", () => process.exit(7));
  process.stdout.write("ready");
  setInterval(() => {}, 1000);
`;

function run(signal: NodeJS.Signals | undefined, code = client) {
  return runTrussClient({
    truss: process.execPath,
    args: ["-e", code],
    api: { url: "http://127.0.0.1:9", key: "k" },
    stdio: "pipe",
    // As the launcher does, which keeps the terminal's Ctrl-C away from the client.
    onStart: (child) => void child.stdout?.once("data", () => signal && process.emit(signal, signal)),
  });
}

describe("the truss client's run", () => {
  it("passes Ctrl-C on to the client, and is not a success then", async () => {
    expect(await run("SIGINT")).toMatchObject({ code: 130 });
  });

  it("ends with the client's own code otherwise", async () => {
    expect(await run("SIGTERM")).toMatchObject({ code: 7 });
    expect(await run(undefined, "process.exit(0)")).toMatchObject({ code: 0 });
    expect(await run(undefined, "process.exit(3)")).toMatchObject({ code: 3 });
  });
});
