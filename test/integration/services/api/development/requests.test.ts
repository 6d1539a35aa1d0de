import { once } from "node:events";
import { connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createDevelopmentVersions } from "../../../../../src/adapters/api/developmentVersions.ts";
import { createRoleKey } from "../../../../../src/adapters/postgres/apiKeys.ts";
import { withClient } from "../../../../../src/adapters/postgres/server.ts";
import { keyRoles } from "../../../../../src/domain/access/roles.ts";
import { pingUrl } from "../../../../../src/domain/development/pingToken.ts";
import { platformDatabase } from "../../../../../src/domain/platformDatabase.ts";
import { uploadCredentials } from "../../../../../src/domain/uploads/credentials.ts";
import { httpRoutes } from "../../../../../tools/reference/httpRoutes.ts";
import { type ApiUnderTest, adminKey, signingKey, startDevelopmentApi } from "../../../../support/developmentApi.ts";
import { issueSaying } from "../../../../support/issues.ts";
import { trussOf } from "../../../../support/trussOf.ts";

/**
 * Requests that nobody should send, against the real server and a real PostgreSQL: each gets an error with a code, and
 * afterwards the database and the container are as they were.
 */

const maxBodyBytes = 200_000;
const base = trussOf({ "model/model.py": "class Model: pass\n" });
const next = trussOf({ "model/model.py": "class Model: x = 1\n" });
let api: ApiUnderTest;
let id: string;
let modelId: string;
let otherKey: string;
let before: unknown;
let refused = 0;

beforeAll(async () => {
  const refuse = async () => {
    throw issueSaying("s3_key: nothing was uploaded");
  };
  api = await startDevelopmentApi({
    maxBodyBytes,
    deployments: () => ({ deployDraft: refuse, status: async () => undefined, list: async () => [], remove: refuse }),
  });
  ({ versionId: id, modelId } = await api.newVersion("target"));
  const other = await api.newVersion("other", "elsewhere");
  otherKey = await api.newKey({ modelId: other.modelId });
  await createDevelopmentVersions({ url: api.url, key: adminKey }).startGeneration(id, {
    hash: base.hash,
    signature: base.signature,
  });
  api.cluster.deploy(id, base.hash);
  before = await everything();
});

afterAll(() => api?.stop());

/** All that a request might have stored or changed. */
async function everything(): Promise<unknown> {
  const tables = [
    "truss_generation",
    "truss_patch",
    "truss_sync",
    "truss_head",
    "development_deployment",
    "model_version",
  ];
  const rows = await Promise.all(
    tables.map((table) => api.sql(`SELECT t::text AS row FROM menagerie.${table} t ORDER BY 1`)),
  );
  const { hash, applied } = api.cluster.control(id);
  return { rows, hash, applied: [...applied], stopped: api.cluster.service(id)?.isStopped };
}

const unchanged = async () => expect(await everything()).toEqual(before);

const validPatch = () => ({
  prevHash: base.hash,
  nextHash: next.hash,
  nextSignature: structuredClone(next.signature) as unknown,
  patches: [
    { type: "model_code", body: { action: "UPDATE", path: "model.py", content: "class Model: x = 1\n" } },
  ] as unknown,
});

/** Sends, and insists on a client's error with a code in the API's own form. */
async function refuses(path: string, init: RequestInit & { readonly key?: string | undefined } = {}): Promise<string> {
  const { key = adminKey, ...rest } = init;
  const answer = await fetch(`${api.url}${path}`, {
    method: "POST",
    ...rest,
    headers: { ...(key === "" ? {} : { "x-api-key": key }), "content-type": "application/json", ...rest.headers },
  });
  const text = await answer.text();
  const seen = `${rest.method ?? "POST"} ${path} ${String(rest.body).slice(0, 200)} → ${answer.status} ${text.slice(0, 300)}`;
  expect(answer.status, seen).toBeGreaterThanOrEqual(400);
  expect(answer.status, seen).toBeLessThan(500);
  const { error } = JSON.parse(text) as { error: { code: string; message: string } };
  expect(error, seen).toMatchObject({ code: expect.stringMatching(/^[a-z_]+$/), message: expect.stringMatching(/./) });
  refused += 1;
  return error.code;
}

const patches = (body: unknown, options: { key?: string } = {}) =>
  refuses(`/v1/development/${id}/patches`, {
    ...options,
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

/** Paths that lead out of the truss, or nowhere. */
const badPaths = [
  ...[
    "",
    "/",
    "/etc/passwd",
    "//etc/passwd",
    "..",
    "../x",
    "../../x",
    "a/../../x",
    "a/..",
    "a/../b",
    "./a",
    "a/./b",
    "a//b",
    "a/",
  ],
  ...[
    "\0",
    "a\0b",
    "model.py\0.txt",
    "a/\0",
    "/\0",
    `${"a".repeat(256)}`,
    `${"a/".repeat(1600)}b`,
    `${"é".repeat(130)}`,
    "\ud800",
    "a/\udfff",
  ],
  ...[
    "../model/model.py",
    "..\\..\\x/../..",
    "a/b/../../../c",
    ".",
    "a/b/c/..",
    "/a/b",
    "///",
    "a/../",
    "../../../..",
    "...//../x",
  ],
  ...["absent.py", "model", "Model.py", "model.py ", "model/model.py", "..model.py", "~/x", "C:/x", "%2e%2e/x"],
];

it("refuses paths that leave the truss or are not in it, of every kind and action", async () => {
  for (const type of ["model_code", "package"]) {
    for (const action of ["ADD", "UPDATE"]) {
      for (const path of badPaths) {
        const op = { type, body: { action, path, content: "class Model: x = 1\n" } };
        expect(await patches({ ...validPatch(), patches: [op] })).toBe("bad_request");
      }
    }
    for (const path of badPaths.slice(0, 24)) {
      await patches({ ...validPatch(), patches: [{ type, body: { action: "REMOVE", path, content: null } }] });
    }
  }
  await unchanged();
});

it("refuses operations that are none", async () => {
  const code = { action: "UPDATE", path: "model.py", content: "class Model: x = 1\n" };
  const ops: unknown[] = [
    ...[
      null,
      1,
      "x",
      [],
      {},
      { type: "model_code" },
      { type: "model_code", body: null },
      { type: "nothing", body: code },
    ],
    ...[
      { type: "model_code", body: { ...code, extra: 1 } },
      { type: "model_code", body: code, extra: 1 },
    ],
    ...["add", "RENAME", "", null, 1].map((action) => ({ type: "model_code", body: { ...code, action } })),
    ...[1, [], {}, true].map((content) => ({ type: "model_code", body: { ...code, content } })),
    ...["%%%", "a", "YQ=", "=", "YQ==YQ==", "Y Q=="].map((content_bytes) => ({
      type: "model_code",
      body: { action: "UPDATE", path: "model.py", content: null, content_bytes },
    })),
    { type: "model_code", body: { ...code, content: null } },
    { type: "model_code", body: { ...code, content_bytes: "YQ==" } },
    { type: "model_code", body: { ...code, content: "another content\n" } },
    { type: "model_code", body: { action: "REMOVE", path: "model.py", content: null } },
    { type: "model_code", body: { ...code, hot_reload: "yes" } },
    { type: "config", body: { action: "ADD", config: {} } },
    { type: "config", body: { action: "UPDATE", config: [], path: "config.yaml" } },
    { type: "config", body: { action: "UPDATE", config: {}, path: "../config.yaml" } },
    ...["--index-url x", "-r /etc/passwd", "-e .", "", " ", "a\0b"].map((requirement) => ({
      type: "python_requirement",
      body: { action: "ADD", requirement },
    })),
    ...[{}, { A: "1", B: "2" }, { "A=B": "1" }, { "": "1" }, { A: 1 }, { A: "a\0" }, []].map((item) => ({
      type: "environment_variable",
      body: { action: "ADD", item },
    })),
    ...["../x", "/x", "", "a\0"].map((local_data_path) => ({
      type: "external_data",
      body: { action: "ADD", item: { url: "http://x", backend: "http_public", local_data_path } },
    })),
    { type: "system_package", body: { action: "ADD", package: "ffmpeg" } },
  ];
  for (const op of ops) await patches({ ...validPatch(), patches: [op] });
  await unchanged();
});

it("refuses bodies of another form, too large ones, and wrong, stale and forked hashes", async () => {
  const broken = [
    "",
    " ",
    "{",
    "[]",
    "null",
    "1",
    '"x"',
    "{}",
    "\xff",
    '{"prevHash"',
    "NaN",
    "{'a':1}",
    "[[[[",
    "\0",
    "true",
  ];
  for (const body of broken) await patches(body);
  const values = [null, 0, -1, "", "x", [], {}, true, "A".repeat(64), "0".repeat(63), [[]], { a: null }];
  for (const key of ["prevHash", "nextHash", "nextSignature", "patches"] as const) {
    for (const value of values) {
      // A patch without operations is one of a change that needs none.
      if (key === "patches" && Array.isArray(value) && value.length === 0) continue;
      await patches({ ...validPatch(), [key]: value });
    }
    await patches({ ...validPatch(), [key]: undefined });
  }
  for (const value of [0, "true", [], {}]) await patches({ ...validPatch(), sync: value });
  for (const key of ["extra", "prev_hash", "__proto__x", "constructor"]) await patches({ ...validPatch(), [key]: 1 });
  expect(await patches({ ...validPatch(), patches: "x".repeat(maxBodyBytes) })).toBe("body_too_large");
  expect(await patches({ ...validPatch(), prevHash: "0".repeat(64) })).toBe("stale");
  expect(await patches({ ...validPatch(), prevHash: next.hash })).toBe("bad_request");
  expect(await patches({ ...validPatch(), nextHash: "0".repeat(64) })).toBe("bad_request");
  expect(await patches({ ...validPatch(), nextHash: base.hash })).toBe("bad_request");
  await unchanged();
});

it("refuses a body of 100 MB without reading it to its end", async () => {
  const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
  socket.on("error", () => {});
  socket.write(
    `POST /v1/development/${id}/patches HTTP/1.1\r\nHost: x\r\nx-api-key: ${adminKey}\r\nContent-Length: ${100 * 2 ** 20}\r\n\r\n`,
  );
  const [answer] = await once(socket, "data");
  expect(String(answer)).toMatch(/^HTTP\/1\.1 413 /);
  socket.destroy();
  refused += 1;
  await unchanged();
});

it.each(keyRoles)("refuses a person's key with role %s at every call that asks for a key", async (role) => {
  const { key } = await withClient(api.server, platformDatabase, (client) => createRoleKey(client, role, undefined));
  const asked = httpRoutes.filter(({ key: needed }) =>
    /^(opens|any key|the stack's own|that of the request)/.test(needed),
  );
  expect(asked.length).toBeGreaterThan(15);
  for (const { call } of asked) {
    const [method = "", path = ""] = call.split(" ");
    const url = path
      .replace("<id>", modelId)
      .replace("<versionId>", id)
      .replace("/authorize/…", "/authorize/serving/models/target/v1/models/model:predict")
      .replace("…", "models/model:predict");
    const body = method === "POST" ? { body: JSON.stringify(validPatch()) } : {};
    const response = await fetch(api.url + url, { method, headers: { "x-api-key": key }, ...body });
    const told = await response.text();
    expect([call, response.status, told]).toEqual([call, 403, expect.stringContaining(`has role ${role}`)]);
  }
  await unchanged();
});

it("refuses who has no key, a false one, or another's", async () => {
  const paths = ["", "/patches", "/generations", "/sync", "/wake"].map((action) => `/v1/development/${id}${action}`);
  const others = [`/hosts/${modelId}/development/wake`, `/v1/models/${modelId}/deployments/${id}/logs`];
  const keys = [
    "",
    "x",
    "mng_",
    `${adminKey}x`,
    adminKey.slice(1),
    adminKey.toUpperCase(),
    "mng_12345678_".padEnd(56, "a"),
    otherKey,
  ];
  for (const path of [...paths, ...others]) {
    for (const key of keys) {
      const method = path === paths[0] ? "GET" : "POST";
      const body = method === "GET" ? {} : { body: JSON.stringify(validPatch()) };
      expect(await refuses(path, { method, key, ...body })).toMatch(/^(missing_api_key|invalid_api_key|key_scope)$/);
    }
  }
  const address = new URL(pingUrl(api.url, signingKey, id)).pathname;
  const token = address.split("/").at(-1) ?? "";
  for (const wrong of [
    token.slice(1),
    `${token}0`,
    token.toUpperCase(),
    "0".repeat(64),
    [...token].reverse().join(""),
  ]) {
    await refuses(address.replace(token, wrong), { body: "{}", key: "" });
  }
  await refuses(address.replace(`/${id}/`, "/999999/"), { body: "{}", key: "" });
  for (const body of ["", "x", "[]", '{"truss_hash": 1}', '{"truss_hash": {}}'])
    await refuses(address, { body, key: "" });
  await unchanged();
});

it("refuses what does not exist, and other methods", async () => {
  const ids = ["0", "-1", "999999", "1e3", "abc", "1.5", "9".repeat(19), "%00", "1%2f2", "1'--", "../1", "１"];
  for (const one of ids) {
    await refuses(`/v1/development/${one}`, { method: "GET" });
    await refuses(`/v1/development/${one}/patches`, { body: JSON.stringify(validPatch()) });
    await refuses(`/hosts/${one}/development/wake`);
    await refuses(`/development/${one}/v1/models/model`);
  }
  for (const action of ["/patch", "/patches/1", "/ping", "/ping/x", "//", "/sync/now", "/control/patch"]) {
    await refuses(`/v1/development/${id}${action}`);
  }
  for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS"]) {
    for (const action of ["", "/patches", "/sync"]) await refuses(`/v1/development/${id}${action}`, { method });
  }
  await refuses(`/v1/development/${id}/sync`, { method: "GET" });
  await unchanged();
});

it("refuses what GraphQL clients should not send", async () => {
  const nested = (depth: number): string => (depth === 0 ? "id" : `versions { oracle { ${nested(depth - 1)} } }`);
  const stage = (patch: string) =>
    `mutation { stage_patch_for_draft_truss(id: "${modelId}", patch: "${patch}") { succeeded error needs_full_deploy } }`;
  const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64");
  const wire = {
    prev_hash: base.hash,
    next_hash: next.hash,
    next_signature: next.signature,
    prev_signature: base.signature,
    patch_ops: validPatch().patches,
  };
  const documents = [
    ...[
      "",
      "{",
      "query",
      "{ nothing }",
      "mutation { teams { id } }",
      "{ teams }",
      "{ teams { id { id } } }",
      "\0",
      "{ __type }",
    ],
    `{ model(id: "${modelId}") { ${nested(5)} } }`,
    `{ ${"teams { id } ".repeat(150)} }`,
    `{ ${Array.from({ length: 300 }, (_, index) => `a${index}: __typename`).join(" ")} }`,
    "{ teams { ...A } } fragment A on Team { id }",
    "query A { teams { id } } query B { teams { id } }",
    '{ model(id: "999999") { id } }',
    '{ model(name: "absent") { id } }',
    "{ model { id } }",
    '{ model_version(id: "x") { id } }',
    '{ model_version(id: "1 OR 1=1") { id } }',
    '{ truss_watch_state(id: "999999") { is_container_built_from_push } }',
    'mutation { sync_draft_truss(id: "999999") { succeeded } }',
    'mutation { deploy_draft_truss(name: "x", s3_key: "x", config: "x") { model_version { id } } }',
    'mutation { create_model_from_truss(name: "x", s3_key: "x", config: "x") { model_version { id } } }',
    stage(""),
    stage("%%"),
    stage("eA=="),
    stage(encoded(null)),
    stage(encoded({})),
    stage(encoded({ ...wire, prev_hash: "0".repeat(64) })),
    stage(encoded({ ...wire, next_hash: "0".repeat(64) })),
    stage(encoded({ ...wire, next_signature: {} })),
    stage(encoded({ ...wire, patch_ops: [{ type: "system_package", body: { action: "ADD", package: "x" } }] })),
    ...badPaths.map((path) =>
      stage(encoded({ ...wire, patch_ops: [{ type: "model_code", body: { action: "UPDATE", path, content: "x" } }] })),
    ),
  ];
  for (const query of documents) {
    const answer = await fetch(`${api.url}/graphql/`, {
      method: "POST",
      body: JSON.stringify({ query }),
      headers: { authorization: `Api-Key ${adminKey}`, "content-type": "application/json" },
    });
    const text = await answer.text();
    const { errors, data } = JSON.parse(text) as {
      errors?: { message: string; extensions?: { code?: string } }[];
      data?: Record<string, { succeeded?: boolean; error?: string }>;
    };
    const result = Object.values(data ?? {})[0];
    const sentence = errors?.[0]?.message ?? (result?.succeeded === false ? result.error : undefined);
    expect(`${sentence ?? ""} for ${query.slice(0, 200)} → ${text.slice(0, 300)}`).toMatch(/^[^ ].* for /s);
    expect(errors?.[0]?.extensions?.code, query).not.toBe("internal");
    refused += 1;
  }
  for (const body of ["", "x", "[]", "{}", '{"query": 1}', '{"query": "{ teams { id } }", "variables": []}']) {
    await refuses("/graphql/", { body });
  }
  await refuses("/graphql/", { method: "GET" });
  for (const key of ["", "x", "mng_"]) await refuses("/graphql/", { key, body: '{"query": "{ teams { id } }"}' });
  await unchanged();
});

it("refuses uploads that are not signed for their key", async () => {
  const key = "1/0b6e8a0c-7c6f-4f4c-9f0a-1d2c3b4a5f6e/truss.tar";
  const { sessionToken } = uploadCredentials(signingKey, key, Date.now() + 60_000);
  const ended = uploadCredentials(signingKey, key, Date.now() - 1).sessionToken;
  const signature = `AWS4-HMAC-SHA256 Credential=X/20260101/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=${"0".repeat(64)}`;
  const now = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const today = signature.replace("20260101", now.slice(0, 8));
  const headers: Record<string, string>[] = [
    {},
    { authorization: signature },
    ...["x", ".", `${sessionToken}0`, sessionToken.slice(2), ended].map((token) => ({ "x-amz-security-token": token })),
    { "x-amz-security-token": sessionToken },
    { "x-amz-security-token": sessionToken, authorization: "Basic x" },
    { "x-amz-security-token": sessionToken, authorization: signature, "x-amz-date": "20260101T000000Z" },
    { "x-amz-security-token": sessionToken, authorization: today, "x-amz-date": now },
    {
      "x-amz-security-token": sessionToken,
      authorization: today,
      "x-amz-date": now,
      "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
    },
  ];
  for (const path of [`/menagerie-uploads/${key}`, "/menagerie-uploads/../../etc/passwd", "/menagerie-uploads/x"]) {
    for (const one of headers) {
      const answer = await fetch(`${api.url}${path}`, { method: "PUT", body: "x", headers: one });
      expect([answer.status, await answer.text()]).toEqual([expect.any(Number), expect.stringMatching(/[cC]ode/)]);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
      refused += 1;
    }
  }
  expect(await api.uploads.read(key)).toBeUndefined();
  await unchanged();
});

/** Places in a JSON value, but those that a patch may say in more than one way. */
function places(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  const free = new Set(["requirements_file_requirements", "hot_reload", "sync", "takeover"]);
  if (typeof value !== "object" || value === null) return [path];
  return [
    path,
    ...Object.entries(value).flatMap(([key, inner]) => (free.has(key) ? [] : places(inner, [...path, key]))),
  ];
}

function replaced(value: unknown, [first, ...rest]: (string | number)[], by: unknown): unknown {
  if (first === undefined) return by;
  const copy = structuredClone(value) as Record<string | number, unknown>;
  copy[first] = replaced(copy[first], rest, by);
  return copy;
}

it("refuses a patch with any one value replaced by another", async () => {
  const valid = validPatch();
  const all = places(valid).filter((path) => path.length > 0);
  const samples = fc.sample(
    fc.tuple(
      fc.constantFrom(...all),
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.integer(),
        fc.constant({}),
        fc.constant(true),
        fc.array(fc.integer(), { minLength: 1 }),
      ),
    ),
    { seed: 7, numRuns: 150 },
  );
  for (const [path, by] of samples) {
    await refuses(`/v1/development/${id}/patches`, { body: JSON.stringify(replaced(valid, path, by)) });
  }
  await unchanged();
});

it("has refused at least 500, and still takes the patch that is right", async () => {
  expect(refused).toBeGreaterThanOrEqual(500);
  const client = createDevelopmentVersions({ url: api.url, key: adminKey });
  const answer = await client.patch(id, validPatch() as Parameters<typeof client.patch>[1]);
  expect(answer).toMatchObject({ seq: 1, state: "synced" });
  expect(api.logged.filter((line) => JSON.parse(line).level >= 50)).toEqual([]);
});
