import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

/** What a Node.js with the module says of itself after `script`, which has `say`, `require` and the files of `loaded(package)`. */
async function said(script: string): Promise<unknown> {
  const whole = `
    const loaded = (name) => Object.values(require.cache).filter(({ children, id }) => children && id.includes("/node_modules/" + name + "/")).length;
    const say = (value) => console.log(JSON.stringify(value));
    ${script}`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--import", "./src/program/beforeSdk.mjs", "--eval", whole],
    { env: { ...process.env, PULUMI_NODEJS_TYPESCRIPT: "true" } },
  );
  return JSON.parse(stdout);
}

const seldomUsed = ["@npmcli/arborist", "pacote", "typescript", "@opentelemetry/sdk-trace-base"];

describe("what is loaded before Pulumi's SDK", () => {
  it("keeps the SDK from loading what it seldom uses, and a language host from asking for ts-node", async () => {
    const answer = await said(`
      require("@pulumi/pulumi/cmd/run/tracing");
      require("@pulumi/pulumi");
      say([${JSON.stringify(seldomUsed)}.map(loaded), process.env.PULUMI_NODEJS_TYPESCRIPT ?? null]);`);
    expect(answer).toEqual([seldomUsed.map(() => 0), null]);
  });

  it("lets it serialize closures with what they need", async () => {
    const answer = await said(`
      const { runtime } = require("@pulumi/pulumi");
      const captured = 41;
      Promise.all([runtime.serializeFunction(() => captured + 1), runtime.computeCodePaths()]).then(([{ text }, paths]) =>
        say([text.includes("captured: 41"), [...paths.keys()].some((path) => path.endsWith("node_modules/zod"))]));`);
    expect(answer).toEqual([true, true]);
  });

  it("lets it trace", async () => {
    const answer = await said(`
      require("@pulumi/pulumi/cmd/run/tracing").start("http://127.0.0.1:9/");
      say(require("@opentelemetry/api").trace.getTracerProvider().getDelegate().constructor.name);`);
    expect(answer).toBe("NodeTracerProvider");
  });
});
