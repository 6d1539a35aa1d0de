import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rememberSent } from "../../../../src/cli/trussClient/declaredFolder.ts";
import { stagedPatch } from "../../../../src/cli/trussClient/stagedPatch.ts";
import { environmentLayout } from "../../../../src/local/layout.ts";
import { sentHeads } from "../../../../src/local/sentHeads.ts";

const hash = "a".repeat(64);

/** A request of the truss client (0.18.35) that stores a patch. */
function request(patch: unknown): string {
  const base64 = Buffer.from(JSON.stringify(patch)).toString("base64");
  const query = `mutation ($trussUserEnv: String) {
    stage_patch_for_draft_truss(id: "3" truss_user_env: $trussUserEnv patch: "${base64}") {
      id name version_id succeeded needs_full_deploy error
    }
  }`;
  return JSON.stringify({ query, variables: { trussUserEnv: "{}" } });
}

function answer(succeeded: boolean): string {
  const result = { id: "3", name: "greeter", version_id: "7", succeeded, needs_full_deploy: !succeeded, error: null };
  return JSON.stringify({ data: { stage_patch_for_draft_truss: result } });
}

describe("a patch of the truss client", () => {
  it("is known from its exchange with the API service", () => {
    expect(stagedPatch(request({ next_hash: hash }), answer(true))).toEqual({ versionId: "7", hash });
  });

  it.each([
    ["was refused", request({ next_hash: hash }), answer(false)],
    ["was answered with an error", request({ next_hash: hash }), '{"errors": [{"message": "no"}]}'],
    ["has no hash", request({ next_hash: "../../../.." }), answer(true)],
    ["is not GraphQL", "stage_patch_for_draft_truss", answer(true)],
    ["is another question", JSON.stringify({ query: "query { teams { id } }" }), '{"data": {"teams": []}}'],
  ])("that %s is none", (_what, asked, answered) => {
    expect(stagedPatch(asked, answered)).toBeUndefined();
  });
});

describe("what the truss client sent", () => {
  let project: string;

  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), "menagerie-sent-"));
    await Promise.all([
      mkdir(join(project, "models", "greeter"), { recursive: true }),
      mkdir(join(project, "elsewhere", "greeter"), { recursive: true }),
    ]);
    await symlink(join(project, "models", "greeter"), join(project, "elsewhere", "link"));
  });
  afterAll(() => rm(project, { recursive: true, force: true }));

  /** What is remembered after a run of the client with these arguments. */
  async function remembered(args: string[], cwd: string, versionId = "7"): Promise<string> {
    const home = await mkdtemp(join(project, "home-"));
    const layout = environmentLayout("local", home);
    const greeter = {
      name: "greeter-dev",
      namespace: "models",
      kind: "development",
      hash: "b",
      image: "i@sha256:0",
      url: "u",
      truss: "models/greeter",
      version: 1,
      versionId: "7",
    };
    const stacks = join(layout.pulumi.backend, ".pulumi/stacks/menagerie");
    await mkdir(stacks, { recursive: true });
    const resources = [{ urn: "urn:s", type: "pulumi:pulumi:Stack", outputs: { models: { greeter } } }];
    await writeFile(join(stacks, "local.json"), JSON.stringify({ checkpoint: { latest: { resources } } }));
    const remember = rememberSent({ environment: { layout }, project, args, cwd });
    await remember({ versionId, hash });
    return sentHeads(layout);
  }

  it.each([
    ["is named", ["watch", "models/greeter"], "."],
    ["is named by way of a link", ["watch", "link", "--hot-reload"], "elsewhere"],
    ["is the working folder", ["watch", "--hot-reload"], "models/greeter"],
  ])("counts as the declared folder's own work where that folder %s", async (_how, args, cwd) => {
    expect(await remembered(args, join(project, cwd))).toBe(`7=${hash}`);
  });

  it.each([
    ["from another folder", ["watch", "greeter"], "elsewhere", "7"],
    ["from another folder, by way of the declared one", ["watch", "../../elsewhere/greeter"], "models/greeter", "7"],
    ["for a model that the stack does not declare", ["watch", "models/greeter"], ".", "8"],
  ])("is others' work where it is %s", async (_what, args, cwd, versionId) => {
    expect(await remembered(args, join(project, cwd), versionId)).toBe("");
  });
});
