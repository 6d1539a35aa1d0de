import { describe, expect, it } from "vitest";
import { credentialsInText, isCredential, withoutCredentials } from "../../../../src/domain/credentials/credentials.ts";

// Made at run time, so that no scanner takes the test for a leak.
const zeros = (count: number): string => "0".repeat(count);
const variable = ["$", "{PASSWORD}"].join("");
const base64 = "wJalrXUtnFEMIK7MDENGbPxRfiCYzk3R9vQ2sLmT";

/** What is a credential, and what only sounds or looks like one. */
const hits: readonly (readonly [string, string])[] = [
  ["AWS_SECRET_ACCESS_KEY", "EXAMPLEKEYEXAMPLEKEYEXAMPLEKEY0000000000"],
  ["aws-secret-key", "EXAMPLEKEYEXAMPLEKEYEXAMPLEKEY1111111111"],
  ["awsSecretKey", "abc"],
  ["GITHUB_PAT", `ghp_${zeros(36)}`],
  ["hfToken", `hf_${zeros(34)}`],
  ["HF_TOKEN", "hf_abc"],
  ["apiKey", "abc"],
  ["APIKey", "abc"],
  ["OPENAI_APIKEY", "abc"],
  ["api.key", "abc"],
  ["DB_PASSWORD", "12345678"],
  ["PGPASSWORD", "/etc"],
  ["hfaccesstoken", "abc"],
  ["dbpasswords", "abc"],
  ["dbPwd", "a"],
  ["smtp-passphrase", "correct horse"],
  ["CLIENT_SECRET", "abc"],
  ["djangoSecrets", "abc"],
  ["SLACK_WEBHOOK_KEY", "abc"],
  ["STORAGE_ACCOUNT_KEY", "abc"],
  ["PRIVATE_KEY", "abc"],
  ["GOOGLE_CREDENTIALS", "{}x"],
  ["SESSION_COOKIE", "abc"],
  ["JWT", "abc"],
  ["MINIO_ACCESS_KEY", "minio"],
  ["SSH_KEY", "abc"],
  // A name that only hints, and a random value.
  ["AUTH", "f3Zk9Qm1Lx7Tt2Vb8Rw5"],
  ["key", "f3Zk9Qm1Lx7Tt2Vb8Rw5"],
  ["SIGNATURE_SALT", "f3Zk9Qm1Lx7Tt2Vb8Rw5"],
  // Under any name.
  ["A", `ghp_${zeros(36)}`],
  ["A", `github_pat_${zeros(82)}`],
  ["A", `glpat-${zeros(20)}`],
  ["A", `hf_${zeros(34)}`],
  ["A", `AKIA${"A".repeat(16)}`],
  ["A", `sk-ant-api03-${zeros(93)}AA`],
  ["A", `sk-proj-${zeros(48)}`],
  ["A", `xoxb-${zeros(12)}`],
  ["A", `AIza${zeros(35)}`],
  ["A", `nvapi-${zeros(64)}`],
  ["A", `gsk_${zeros(52)}`],
  ["A", `dapi${zeros(32)}`],
  ["A", `npm_${zeros(36)}`],
  ["A", `hvs.${zeros(24)}`],
  ["A", `sk_live_${zeros(24)}`],
  ["A", `SG.${zeros(22)}.${zeros(43)}`],
  ["A", `eyJhbGciOiJI.eyJzdWIiOiIx.${zeros(10)}`],
  ["A", "-----BEGIN RSA PRIVATE KEY-----\nMIIE"],
  ["A", `DefaultEndpointsProtocol=https;AccountKey=${zeros(40)}==`],
  ["HEADER", `Bearer ${zeros(20)}`],
  ["DATABASE", "postgresql://me:pw@host/db"],
  ["INDEX_URL", "https://user:token@mirror.example/simple"],
  ["CACHE", "redis://:pw@host:6379/0"],
  ["SETTINGS_URL", "https://user:pw@host"],
  ["INDEX_URL", "https://4d7a1f0c9be24f5d8c3b6a70e19d2c48@mirror.example/simple"],
  ["INDEX_URL", `https://user:it's so@mirror.example`],
  ["ANYTHING", base64],
];

const misses: readonly (readonly [string, string])[] = [
  ["FACTOR", "3"],
  ["tokenizer", "models/tokenizer.json"],
  ["secretary", "Ada"],
  ["TOKENIZERS_PARALLELISM", "false"],
  ["MAX_TOKENS", "4096"],
  ["max_new_tokens", "256"],
  ["TOKEN_LIMIT", "8k"],
  ["TOKEN", "16"],
  ["PASSWORD", ""],
  ["PASSWORD", variable],
  ["PASSWORD", "$(DB_PASSWORD)"],
  ["HF_TOKEN", "<your token>"],
  ["HF_TOKEN", "[secret]"],
  ["HF_TOKEN_PATH", "/secrets/hf_access_token"],
  ["TOKEN_FILE", "/var/run/secrets/token"],
  ["TOKEN", "/var/run/secrets/kubernetes.io/serviceaccount/token"],
  ["SECRET_NAME", "admin-organization-secrets"],
  ["secretRef", "x"],
  ["API_KEY_HEADER", "x-api-key"],
  ["AUTH_MODE", "basic"],
  ["ACCESS_LOG", "/dev/stdout"],
  ["accessModes", "ReadWriteOnce"],
  ["KEY", "iris"],
  ["keyboard", "qwerty"],
  ["monkey", "f3Zk9Qm1Lx7Tt2Vb8Rw5"],
  ["AUTHOR", "f3Zk9Qm1Lx7Tt2Vb8Rw5"],
  ["PUBLIC_KEY", "ssh-ed25519 AAAA"],
  ["passthrough", "on"],
  ["compass", "north"],
  ["path", "a/b"],
  ["patience", "5"],
  ["ratelimitEnabled", "true"],
  ["tokenUrl", "https://login.example/token"],
  ["URL", "postgresql://host/db"],
  ["URL", "postgresql://me@host/db"],
  ["URL", "postgresql://service-account-12345-production@host/db"],
  ["TEXT", "http://h:8080 and mail ada@h"],
  ["DATABASE", `postgresql://me:${variable}@host/db`],
  ["HASH_TRUSS", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
  ["IMAGE", "registry.example/iris@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
  ["RUN", "3f2a9c40-0000-4000-8000-000000000001"],
  ["MODEL", "meta-llama/Meta-Llama-3.1-8B-Instruct-AWQ-INT4"],
  ["PYTHONPATH", "/app:/app/packages/Some/Long/Path123/To/Modules"],
  ["CLASS", "io.example.KubernetesServiceControllerFactoryBean2"],
];

describe("a credential", () => {
  it.each(hits)("is %s: %s", (name, value) => expect(isCredential(name, value)).toBe(true));
  it.each(misses)("is not %s: %s", (name, value) => expect(isCredential(name, value)).toBe(false));
});

describe("a file's text", () => {
  it("is read line by line: variables, YAML, JSON, properties", () => {
    const text = [
      "# the token is in the vault",
      "export HF_TOKEN=hf_abc",
      "FACTOR=3",
      "database:",
      "  password: pw",
      '  - "apiKey": "abc",',
      "tokenizer: models/tokenizer.json",
      "spring.datasource.password = pw",
      `use ${`ghp_${zeros(36)}`} there`,
    ].join("\n");
    expect(credentialsInText(text)).toEqual(["HF_TOKEN", "password", "apiKey", "spring.datasource.password", "a line"]);
  });
});

describe("a request's path and query, for what is written down", () => {
  it.each([
    ["/v1/models/m:predict", "/v1/models/m:predict"],
    ["/v2/models/m/infer?x=1&verbose", "/v2/models/m/infer?x=1&verbose"],
    ["/p?api_key=abc&x=1", "/p?api_key=…&x=1"],
    ["/p?x=1&access_token=12345", "/p?x=1&access_token=…"],
    ["/p?key=abc&sig=a%2Bb&code=7", "/p?key=…&sig=…&code=…"],
    ["/p?X-Amz-Signature=abc&X-Amz-Date=20261121T000000Z", "/p?X-Amz-Signature=…&X-Amz-Date=20261121T000000Z"],
    ["/p?api%5Fkey=abc", "/p?api%5Fkey=…"],
    [`/p?ghp_${zeros(36)}`, "/p?…"],
    [`/p?q=hf_${zeros(34)}`, "/p?q=…"],
    ["/p?broken=%E0%A4%A", "/p?broken=%E0%A4%A"],
  ])("%s is %s", (given, kept) => expect(withoutCredentials(given)).toBe(kept));
});
