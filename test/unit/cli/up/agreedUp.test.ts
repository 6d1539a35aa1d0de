import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readPreview } from "../../../../src/cli/preview/readPreview.ts";
import { agreedUp } from "../../../../src/cli/up/agreedUp.ts";
import { type EngineOperation, operationOf } from "../../../../src/cli/up/engineOperation.ts";
import type { StackEngine } from "../../../../src/cli/up/stackEngine.ts";
import { agreementTo } from "../../../../src/domain/preview/agreement.ts";
import { removals } from "../../../../src/domain/preview/removals.ts";

const declared = { zoo: ["iris"], development: [], shadows: [] };

interface Step {
  readonly op: string;
  readonly name: string;
  readonly type?: string;
  readonly protect?: boolean;
  readonly protectLater?: boolean;
}

/** A step as `preview --json --show-sames` prints it. */
function step({ op, name, type = "kubernetes:core/v1:Namespace", protect = false, protectLater = protect }: Step) {
  const object = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  const state = { inputs: object, outputs: object };
  return {
    op,
    urn: `urn:pulumi:staging::menagerie::${type}::${name}`,
    ...(op === "create" ? {} : { oldState: { ...state, protect } }),
    ...(op === "delete" ? {} : { newState: { ...state, protect: protectLater } }),
  };
}

/** An engine that answers one preview after another, and holds what `stack export` answers. */
function engineWith(
  previews: readonly (readonly Step[] | "fails")[],
  { isEmpty = false, holds = ["models"], failure = "error: configmaps not found" } = {},
) {
  const started: string[] = [];
  let at = 0;
  const engine: StackEngine = {
    run: async (args) => {
      started.push(args.join(" "));
      return 0;
    },
    capture: async (args) => {
      started.push(args.join(" "));
      if (args[0] === "refresh") return { code: 0, stdout: "", stderr: "" };
      const preview = previews[Math.min(at, previews.length - 1)];
      at += 1;
      const diagnostics = [{ message: failure, severity: "error" }];
      return preview === "fails"
        ? { code: 255, stdout: JSON.stringify({ steps: [], diagnostics }), stderr: "" }
        : { code: 0, stdout: JSON.stringify({ steps: preview?.map(step) }), stderr: "" };
    },
    resources: async () =>
      (isEmpty ? [] : holds).map((name) => {
        const { urn, oldState } = step({ op: "same", name });
        return { urn, type: "kubernetes:core/v1:Namespace", outputs: oldState?.outputs };
      }),
  };
  return { engine, started };
}

/** An API server that holds these namespaces. */
let server: Server;
let namespaces: string[];
let cluster: KubeConfig;

beforeEach(async () => {
  namespaces = ["models", "menagerie"];
  server = createServer(({ url }, response) => {
    const name = url?.match(/^\/api\/v1\/namespaces\/([^/]+)$/)?.[1];
    const found = url === "/api/v1" || (name !== undefined && namespaces.includes(name));
    const body = url === "/api/v1" ? { resources: [{ kind: "Namespace", name: "namespaces" }] } : {};
    response.writeHead(found ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(found ? body : { kind: "Status", reason: "NotFound", code: 404 }));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  cluster = new KubeConfig();
  cluster.loadFromClusterAndUser(
    { name: "test", server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: "test" },
  );
  vi.spyOn(console, "error").mockImplementation(() => {});
  vi.spyOn(console, "log").mockImplementation(() => {});
});

afterEach(() => {
  vi.restoreAllMocks();
  server.close();
});

const preview = "preview --json --show-sames --ignore-protect";
const up = "up --yes --skip-preview --suppress-outputs";

function agree(
  engine: StackEngine,
  { yesDelete = [] as string[], agreed = undefined as string | undefined } = {},
  operation?: EngineOperation,
) {
  const { signal } = new AbortController();
  const agreement = { declared, yesDelete, agreed, cluster: async () => cluster, mayAsk: false, signal };
  return agreedUp(engine, agreement, operation);
}

function agreementOf(steps: readonly Step[]): string {
  return agreementTo(removals(readPreview(JSON.stringify({ steps: steps.map(step) })), declared));
}

const models: Step = { op: "same", name: "models" };
const unused: Step = { op: "delete", name: "menagerie" };

describe("an up that is agreed to", () => {
  it("starts the engine once where there is nothing to do", async () => {
    const { engine, started } = engineWith([[models]]);
    expect(await agree(engine)).toBe(0);
    expect(started).toEqual([preview]);
  });

  it("starts it once where the state is empty", async () => {
    const { engine, started } = engineWith([[{ op: "create", name: "models" }]], { isEmpty: true });
    await agree(engine);
    expect(started).toEqual([up]);
  });

  it("does more than nothing where only what is protected changes", async () => {
    const { engine, started } = engineWith([[{ ...models, protectLater: true }]]);
    await agree(engine);
    expect(started).toEqual([preview, up]);
  });

  it("finishes a replacement that a killed run has half done, though nothing else is to do", async () => {
    const { engine, started } = engineWith([[models]]);
    const resources = await engine.resources(new AbortController().signal);
    const old = resources.map((each) => ({ ...each, delete: true }));
    await agree({ ...engine, resources: async () => [...resources, ...old] });
    expect(started).toEqual([preview, up]);
  });

  it("makes again what the cluster has lost, also where the preview fails by it", async () => {
    namespaces = ["menagerie"];
    const refresh =
      "refresh --yes --skip-preview --target urn:pulumi:staging::menagerie::kubernetes:core/v1:Namespace::models";
    const unchanged = engineWith([[models], [{ op: "create", name: "models" }]]);
    await agree(unchanged.engine);
    expect(unchanged.started).toEqual([preview, refresh, preview, up]);
    const failing = engineWith(["fails", [{ op: "create", name: "models" }]], { holds: ["models"] });
    await agree(failing.engine);
    expect(failing.started).toEqual([preview, refresh, preview, up]);
  });

  it("says that a cluster which does not answer was not checked", async () => {
    const { engine, started } = engineWith([[models]]);
    server.close();
    await agree(engine);
    expect(console.error).toHaveBeenCalledWith(expect.stringMatching(/^note: the cluster could not be checked/));
    expect(started).toEqual([preview]);
  });

  it("says why there is no preview, and does nothing", async () => {
    const { engine, started } = engineWith(["fails"], { holds: ["models"] });
    await expect(agree(engine)).rejects.toThrow(/nothing was changed/);
    expect(console.error).toHaveBeenCalledWith("error: configmaps not found");
    expect(started).toEqual([preview]);
  });

  it("names the way out where somebody else has written what a run would change", async () => {
    const failure = 'error: Apply failed with 1 conflict: conflict with "kubectl-patch" using apps/v1: .spec.replicas';
    const { engine } = engineWith(["fails"], { failure });
    await expect(agree(engine)).rejects.toThrow(/nothing was changed: .* `menagerie drift --restore` takes it back/);
    expect(console.error).toHaveBeenCalledWith(failure);
  });

  it("does nothing without a yes, with exit code 3 and the words that say yes", async () => {
    const { engine, started } = engineWith([[models, unused]]);
    const words = `add --yes-delete menagerie, or --agreed ${agreementOf([unused])}`;
    await expect(agree(engine)).rejects.toThrow(words);
    await expect(agree(engine)).rejects.toMatchObject({ exitCode: 3 });
    expect(started).toEqual([preview, preview]);
  });

  it("takes the engine's protection from what was agreed to, and from no other run", async () => {
    for (const yes of [{ yesDelete: ["menagerie"] }, { agreed: agreementOf([unused]) }]) {
      const { engine, started } = engineWith([[models, { ...unused, protect: true }]]);
      await agree(engine, yes);
      expect(started).toEqual([preview, `${up} --ignore-protect`]);
    }
    const { engine, started } = engineWith([[{ ...models, op: "update" }]]);
    await agree(engine);
    expect(started).toEqual([preview, up]);
  });

  it("stops where more would go than what was agreed to, and goes on where less would", async () => {
    const both = agreementOf([unused, { op: "delete", name: "models" }]);
    const less = engineWith([[models, unused]]);
    await agree(less.engine, { agreed: both });
    expect(less.started).toEqual([preview, up]);
    const more = engineWith([[{ op: "delete", name: "models" }, unused]]);
    await expect(agree(more.engine, { agreed: agreementOf([unused]) })).rejects.toThrow(
      `has more than what was agreed to, and nothing was done; review it, then use --agreed ${both}`,
    );
    expect(more.started).toEqual([preview]);
  });

  it("asks before the engine's own destroy, whatever the config has, unless its arguments say yes", async () => {
    const iris: Step = { op: "delete", name: "models" };
    const asked = engineWith([[iris]]);
    await expect(agree(asked.engine, {}, operationOf(["destroy"]))).rejects.toMatchObject({ exitCode: 3 });
    const preview = "destroy --preview-only --json --show-sames --ignore-protect";
    expect(asked.started).toEqual([preview]);
    const named = engineWith([[iris]]);
    await agree(named.engine, { yesDelete: ["models"] }, operationOf(["destroy"]));
    expect(named.started).toEqual([preview, "destroy --yes"]);
    const told = engineWith([[iris]]);
    await agree(told.engine, {}, operationOf(["destroy", "-y"]));
    expect(told.started).toEqual([preview, "destroy -y"]);
  });

  it("lets the engine's own up replace what its arguments name, and show what it does", async () => {
    const { urn } = step(models);
    const replaced = engineWith([[{ op: "replace", name: "models" }]]);
    const args = ["up", "--yes", "--replace", urn];
    await agree(replaced.engine, {}, operationOf(args));
    expect(replaced.started.at(-1)).toBe(`up --yes --replace ${urn}`);
    const unchanged = engineWith([[models]]);
    await agree(unchanged.engine, {}, operationOf(["up", "--yes"]));
    expect(unchanged.started.at(-1)).toBe("up --yes");
  });

  it("refuses a yes to what is not deleted", async () => {
    const { engine, started } = engineWith([[unused]]);
    await expect(agree(engine, { yesDelete: ["menagerie", "lily"] })).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining("--yes-delete lily") as string,
    });
    expect(started).toEqual([preview]);
  });
});
