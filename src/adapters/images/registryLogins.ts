import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { messageOf } from "../../domain/errors.ts";

/** Who a registry is asked as. */
export interface RegistryLogin {
  readonly username: string;
  readonly password: string;
  /** Where it is given, password and name say nothing: a token for tokens, as some registries' clients store it. */
  readonly identityToken?: string | undefined;
}

/** Somewhere that logins are kept. */
export interface LoginSource {
  /** For a sentence, such as `/home/ada/.docker/config.json`. */
  readonly name: string;
  /** Those for a repository, the most specific first; rejects where the source cannot be read. */
  logins(host: string, repository: string): Promise<readonly RegistryLogin[]>;
}

/** What is read of a Docker config, in a file and in a Secret alike. Other keys are other programs'. */
const dockerConfig = z.object({
  auths: z
    .record(
      z.string(),
      z.object({
        auth: z.string().optional(),
        username: z.string().optional(),
        password: z.string().optional(),
        identitytoken: z.string().optional(),
      }),
    )
    .default({}),
  credHelpers: z.record(z.string(), z.string()).default({}),
  credsStore: z.string().optional(),
});
export type DockerConfig = z.infer<typeof dockerConfig>;

/** Throws for a text that is not a Docker config, without what is in it. */
export function parseDockerConfig(text: string): DockerConfig {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("it is not JSON");
  }
  const parsed = dockerConfig.safeParse(value);
  if (!parsed.success)
    throw new Error(`${parsed.error.issues[0]?.path.join(".") || "it"} is not what a Docker config has`);
  return parsed.data;
}

/** The logins of a config's own `auths` for a repository, that with the longest path first. */
export function loginsIn({ auths }: DockerConfig, host: string, repository: string): RegistryLogin[] {
  return Object.entries(auths)
    .filter(([key]) => concerns(key, host, repository))
    .sort(([one], [other]) => other.length - one.length)
    .flatMap(([, { auth, username = "", password = "", identitytoken }]) => {
      if (identitytoken) return [{ username: "", password: "", identityToken: identitytoken }];
      const [user = "", ...rest] = Buffer.from(auth ?? "", "base64")
        .toString("utf8")
        .split(":");
      if (rest.length > 0 && user !== "") return [{ username: user, password: rest.join(":") }];
      return username === "" ? [] : [{ username, password }];
    });
}

/** Whether a key of `auths` is about a repository: a host, with a scheme or a path, and `*` for parts of the host's name. */
function concerns(key: string, host: string, repository: string): boolean {
  const [, keyHost = "", path = ""] = /^(?:https?:\/\/)?([^/]+)\/?(.*?)\/*$/.exec(key) ?? [];
  const [parts, patterns] = [host.split("."), keyHost.split(".")];
  const isHost = parts.length === patterns.length && patterns.every((each, at) => each === "*" || each === parts[at]);
  // The path of the registry's API is none of a repository.
  return isHost && (path === "" || /^v[12]$/.test(path) || `${repository}/`.startsWith(`${path}/`));
}

/** The user's own logins: those of `docker login` and of `podman login`, with the helpers that keep them. */
export function userLogins(env: NodeJS.ProcessEnv = process.env): LoginSource[] {
  const files = [
    join(env.DOCKER_CONFIG || join(homedir(), ".docker"), "config.json"),
    env.REGISTRY_AUTH_FILE || (env.XDG_RUNTIME_DIR ? join(env.XDG_RUNTIME_DIR, "containers", "auth.json") : undefined),
  ].filter((file) => file !== undefined);
  return files.map((file) => fileLogins(file, env));
}

/** Those of a Docker config in a file, which need not be there, and of the helpers that it names. */
export function fileLogins(file: string, env: NodeJS.ProcessEnv = process.env): LoginSource {
  return {
    name: file,
    async logins(host, repository) {
      const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return "{}";
        throw error;
      });
      const config = parseDockerConfig(text);
      const own = loginsIn(config, host, repository);
      const helper = config.credHelpers[host] ?? (own.length === 0 ? config.credsStore : undefined);
      return helper === undefined ? own : [...(await askHelper(helper, host, env)), ...own];
    },
  };
}

const helperWithinMs = 5_000;
const helperAnswer = z.object({ Username: z.string(), Secret: z.string() });
/** A helper's name for a secret that is an identity token. */
const tokenUser = "<token>";

/** Asks `docker-credential-<name>`; none where it has no login for the host. */
function askHelper(name: string, host: string, env: NodeJS.ProcessEnv): Promise<RegistryLogin[]> {
  return new Promise((resolve, reject) => {
    const program = `docker-credential-${name}`;
    const child = execFile(program, ["get"], { env, timeout: helperWithinMs }, (error, stdout) => {
      if (error && /credentials not found/i.test(stdout)) return resolve([]);
      if (error) return reject(new Error(`${program} fails: ${messageOf(error).split("\n")[0]}`));
      try {
        const { Username: username, Secret: secret } = helperAnswer.parse(JSON.parse(stdout));
        const isToken = username === tokenUser;
        resolve([isToken ? { username: "", password: "", identityToken: secret } : { username, password: secret }]);
      } catch {
        reject(new Error(`${program} answers no login`));
      }
    });
    child.stdin?.on("error", () => {});
    child.stdin?.end(host);
  });
}
