import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Bucket } from "../../src/adapters/buckets/bucket.ts";
import { ensurePythonLayers } from "../../src/adapters/truss/python.ts";
import { ensureRequirementLayer } from "../../src/adapters/truss/requirementLayer.ts";
import { silent } from "../../src/domain/progress.ts";
import { menagerieCache } from "../../src/local/layout.ts";
import { freePort } from "./freePort.ts";

/** A real S3 server (moto's), which checks signatures and rights. */
export interface S3Server {
  readonly bucket: Bucket;
  stop(): Promise<void>;
}

/** Makes a bucket, and a user who may do in it what `rights` says; prints the user's keys. */
const prepare = `
import json, sys, boto3
to = dict(endpoint_url=sys.argv[1], region_name="eu-central-1", aws_access_key_id="any", aws_secret_access_key="any")
s3 = boto3.client("s3", **to)
s3.create_bucket(Bucket=sys.argv[2], CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
s3.put_bucket_versioning(Bucket=sys.argv[2], VersioningConfiguration={"Status": sys.argv[4]})
iam = boto3.client("iam", **to)
iam.create_user(UserName="menagerie")
allow = [{"Effect": "Allow", "Action": ["s3:" + right for right in sys.argv[3].split(",")], "Resource": "*"}]
iam.put_user_policy(UserName="menagerie", PolicyName="bucket", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}))
key = iam.create_access_key(UserName="menagerie")["AccessKey"]
print(json.dumps({"accessKeyId": key["AccessKeyId"], "secretAccessKey": key["SecretAccessKey"]}))`;
const preparations = 5;

/**
 * @param options.rights - of the bucket's user, such as `GetObject`
 * @param options.prefix - of the bucket. @default none
 * @param options.keepsVersions - @default false
 */
export async function startS3(
  name: string,
  {
    rights,
    prefix = "",
    keepsVersions = false,
  }: { rights: readonly string[]; prefix?: string; keepsVersions?: boolean },
): Promise<S3Server> {
  const options = { cache: menagerieCache(), progress: silent, signal: AbortSignal.timeout(590_000) };
  const layers = await ensurePythonLayers(options);
  const request = { name: "moto", pythonVersion: layers.python.version, requirements: ["moto[server]==5.2.5"] };
  const python = join((await ensureRequirementLayer(layers, request, options)).folder, "bin", "python");
  const port = await freePort();
  const server = spawn(python, ["-m", "moto.server", "--host", "127.0.0.1", "--port", String(port)], {
    stdio: "ignore",
    env: { ...process.env, INITIAL_NO_AUTH_ACTION_COUNT: String(preparations) },
  });
  const endpoint = `http://127.0.0.1:${port}`;
  while (!(await fetch(`${endpoint}/moto-api/`).catch(() => undefined))?.ok) {
    if (server.exitCode !== null) throw new Error(`the S3 server ended with ${server.exitCode}`);
    await delay(100);
  }
  const args = ["-c", prepare, endpoint, name, rights.join(","), keepsVersions ? "Enabled" : "Suspended"];
  const keys = JSON.parse(execFileSync(python, args, { encoding: "utf8" })) as {
    accessKeyId: string;
    secretAccessKey: string;
  };
  return {
    bucket: { endpoint, name, region: "eu-central-1", prefix, ...keys },
    stop: () => stopped(server),
  };
}

async function stopped(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const ended = once(server, "exit");
  server.kill("SIGKILL");
  await ended;
}
