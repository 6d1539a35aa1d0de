import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  type LoginSource,
  loginsIn,
  parseDockerConfig,
  userLogins,
} from "../../../../src/adapters/images/registryLogins.ts";

const auth = (text: string) => ({ auth: Buffer.from(text).toString("base64") });
const names = (auths: object, host: string, repository = "truss/iris") =>
  loginsIn(parseDockerConfig(JSON.stringify({ auths })), host, repository).map(({ username }) => username);

describe("a Docker config", () => {
  it.each<[string, string, boolean]>([
    ["registry.example.com", "registry.example.com", true],
    ["https://registry.example.com", "registry.example.com", true],
    ["https://registry.example.com/v2/", "registry.example.com", true],
    ["registry.example.com/truss", "registry.example.com", true],
    ["registry.example.com/trusses", "registry.example.com", false],
    ["registry.example.com:5000", "registry.example.com", false],
    ["*.example.com", "registry.example.com", true],
    ["*.com", "registry.example.com", false],
    ["example.com", "registry.example.com", false],
  ])("has a login under %s for %s: %s", (key, host, found) => {
    expect(names({ [key]: auth("ada:x") }, host)).toEqual(found ? ["ada"] : []);
  });

  it("says names, passwords and identity tokens in the ways that its writers have, the longest path first", () => {
    const config = parseDockerConfig(
      JSON.stringify({
        HttpHeaders: {},
        auths: {
          r: auth("ada:a:b"),
          "r/truss": { username: "bob", password: "p" },
          "r/truss/iris": { ...auth("00000000-0000-0000-0000-000000000000:"), identitytoken: "identity" },
          "r/truss/iris/": {},
        },
      }),
    );
    expect(loginsIn(config, "r", "truss/iris")).toEqual([
      { username: "", password: "", identityToken: "identity" },
      { username: "bob", password: "p" },
      { username: "ada", password: "a:b" },
    ]);
  });

  it("that is none is told without what is in it", () => {
    expect(() => parseDockerConfig('{"auths": {"r": {"auth": "c2Vj')).toThrow(/^it is not JSON$/);
    expect(() => parseDockerConfig('{"auths": {"r": {"auth": 7}}}')).toThrow(/^auths\.r\.auth is not what/);
  });
});

describe("a user's logins", () => {
  async function home(config: object) {
    const folder = await mkdtemp(join(tmpdir(), "menagerie-logins-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, "config.json"), JSON.stringify(config));
    const bin = join(folder, "bin");
    await mkdir(bin);
    const env = {
      DOCKER_CONFIG: folder,
      REGISTRY_AUTH_FILE: join(folder, "auth.json"),
      PATH: `${bin}:${process.env.PATH}`,
    };
    const helper = async (name: string, script: string) => {
      await writeFile(join(bin, `docker-credential-${name}`), `#!/bin/sh\nread host\n${script}\n`);
      await chmod(join(bin, `docker-credential-${name}`), 0o755);
    };
    const sources = userLogins(env);
    const [docker, podman] = sources as [LoginSource, LoginSource];
    return { folder, docker, podman, helper };
  }

  it("are those of both files, of which none has to be there", async () => {
    const { folder, docker, podman } = await home({ auths: { r: auth("ada:x") } });
    expect([docker.name, podman.name]).toEqual([join(folder, "config.json"), join(folder, "auth.json")]);
    expect(await docker.logins("r", "iris")).toEqual([{ username: "ada", password: "x" }]);
    expect(await podman.logins("r", "iris")).toEqual([]);
    await writeFile(podman.name, JSON.stringify({ auths: { r: auth("bob:y") } }));
    expect(await podman.logins("r", "iris")).toEqual([{ username: "bob", password: "y" }]);
  });

  it("are asked of the helper that a registry has, else of the one for all", async () => {
    const { docker, helper } = await home({ credHelpers: { r: "own" }, credsStore: "store", auths: { r: {}, s: {} } });
    await helper("own", `[ "$1 $host" = "get r" ] && echo '{"ServerURL": "r", "Username": "ada", "Secret": "kept"}'`);
    await helper("store", `echo '{"ServerURL": "s", "Username": "<token>", "Secret": "identity"}'`);
    expect(await docker.logins("r", "iris")).toEqual([{ username: "ada", password: "kept" }]);
    expect(await docker.logins("s", "iris")).toEqual([{ username: "", password: "", identityToken: "identity" }]);
  });

  it("are none where the helper has none, and it is said where it fails, without what it prints", async () => {
    const { docker, helper } = await home({ credHelpers: { r: "empty", s: "broken", t: "missing" } });
    await helper("empty", "echo 'credentials not found in native keychain'; exit 1");
    await helper("broken", 'echo \'{"Secret": "kept"}\'');
    expect(await docker.logins("r", "iris")).toEqual([]);
    await expect(docker.logins("s", "iris")).rejects.toThrow(/^docker-credential-broken answers no login$/);
    await expect(docker.logins("t", "iris")).rejects.toThrow(/^docker-credential-missing fails: /);
  });
});
