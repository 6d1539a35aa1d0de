import { expect, it } from "vitest";
import { withoutOthersCredentials } from "../../../../src/domain/credentials/environment.ts";

const kept = {
  PATH: "/usr/bin:/bin",
  HOME: "/home/ada",
  LANG: "C.UTF-8",
  PIP_INDEX_URL: "https://ada:pa55word@packages.example.com/simple",
  UV_INDEX_COMPANY_PASSWORD: "pa55word-of-ada",
  https_proxy: "http://ada:pa55word@proxy.example.com:3128",
  SSL_CERT_FILE: "/etc/ssl/certs/ca-certificates.crt",
  SSH_AUTH_SOCK: "/run/user/1000/keyring/ssh",
  XDG_RUNTIME_DIR: "/run/user/1000",
  DBUS_SESSION_BUS_ADDRESS: "unix:path=/run/user/1000/bus",
  GOPROXY: "https://ada:pa55word@go.example.com",
  MENAGERIE_HOME: "/home/ada/.local/share/menagerie",
  MENAGERIE_CACHE: "/home/ada/.cache/menagerie",
  PULUMI_CONFIG_PASSPHRASE_FILE: "/home/ada/passphrase",
  NODE_OPTIONS: "--max-old-space-size=4096",
};

it("keeps what programs and installers need, and no credential of whoever started it", () => {
  const credentials = {
    AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzKEY",
    AWS_SESSION_TOKEN: "FwoGZXIvYXdzEBYaD0zzzzz1",
    GITHUB_TOKEN: `ghp_${"0aB1".repeat(9)}`,
    MENAGERIE_API_KEY: "mk_0123456789abcdef.secretpart",
    MENAGERIE_DATABASE_URL: "postgresql://admin:pa55word@db.example.com/postgres",
    PGPASSWORD: "pa55word",
    PULUMI_CONFIG_PASSPHRASE: "correct horse battery staple",
    PULUMI_ACCESS_TOKEN: `pul-${"0a1b".repeat(10)}`,
  };
  expect(withoutOthersCredentials({ ...kept, ...credentials, UNSET: undefined })).toEqual(kept);
});
