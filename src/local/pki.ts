import "reflect-metadata";
import { generateKeyPairSync, randomBytes, webcrypto } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { dirname, join } from "node:path";
import * as x509 from "@peculiar/x509";
import type { EnvironmentLayout } from "./layout.ts";
import { addresses, ports } from "./network/addresses.ts";

x509.cryptoProvider.set(webcrypto);

type CryptoKey = webcrypto.CryptoKey;
type CryptoKeyPair = webcrypto.CryptoKeyPair;

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const day = 24 * 60 * 60 * 1000;
/** A leaf certificate is made anew when it has less than this left. */
const renewBefore = 60 * day;

export interface KeyPairFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

/** Who a certificate speaks for: `user` is Kubernetes' user name (CN), `groups` its groups (O). */
export interface Identity {
  /** Names the files, such as `istiod` or `node-cpu-0`. */
  readonly part: string;
  readonly user: string;
  readonly groups?: readonly string[];
}

/** The API server towards the APIs that it passes on to: by this name alone it is believed who asks. */
export const frontProxy: Identity = { part: "front-proxy-client", user: "front-proxy-client" };

/** Makes the certificate authority and the service-account signing key where they are missing. Idempotent. */
export async function ensureAuthority(layout: EnvironmentLayout): Promise<void> {
  await mkdir(layout.pki, { recursive: true, mode: 0o700 });
  if (!(await exists(caFiles(layout).certFile))) {
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(),
      name: "CN=menagerie",
      notBefore: new Date(Date.now() - day),
      notAfter: new Date(Date.now() + 3650 * day),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    // The key first: a certificate without its key would count as complete.
    await writeAtomically(caFiles(layout).keyFile, await exportKey(keys.privateKey));
    await writeAtomically(caFiles(layout).certFile, certificate.toString("pem"));
  }
  const { privateKeyFile, publicKeyFile } = serviceAccountKeyFiles(layout);
  if (!(await exists(publicKeyFile))) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    await writeAtomically(privateKeyFile, privateKey.export({ type: "pkcs8", format: "pem" }).toString());
    await writeAtomically(publicKeyFile, publicKey.export({ type: "spki", format: "pem" }).toString());
  }
}

export function caFiles(layout: EnvironmentLayout): { certFile: string; keyFile: string } {
  return { certFile: join(layout.pki, "ca.crt"), keyFile: join(layout.pki, "ca.key") };
}

export function serviceAccountKeyFiles(layout: EnvironmentLayout): { privateKeyFile: string; publicKeyFile: string } {
  return {
    privateKeyFile: join(layout.pki, "service-account.key"),
    publicKeyFile: join(layout.pki, "service-account.pub"),
  };
}

/** A client certificate for `identity`; kept and reused until it is about to expire. */
export function issueClientCertificate(layout: EnvironmentLayout, identity: Identity): Promise<KeyPairFiles> {
  const organizations = (identity.groups ?? []).map((group) => ({ O: [group] }));
  const name = new x509.Name([...organizations, { CN: [identity.user] }]);
  return issue(layout, identity.part, name, [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])]);
}

/** A serving certificate for DNS names and IP addresses; kept and reused until it is about to expire. */
export function issueServingCertificate(
  layout: EnvironmentLayout,
  name: string,
  subjectAltNames: readonly string[],
): Promise<KeyPairFiles> {
  return issue(layout, name, new x509.Name([{ CN: [name] }]), [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension(
      subjectAltNames.map((value) => ({ type: isIP(value) ? ("ip" as const) : ("dns" as const), value })),
    ),
  ]);
}

/**
 * Writes the kubeconfig of one part, with a client certificate of its own, and answers its path.
 * @param server default: the API server's address inside the namespace.
 */
export async function issueKubeconfig(
  layout: EnvironmentLayout,
  identity: Identity,
  server = `https://${addresses.host}:${ports.apiserver}`,
): Promise<string> {
  const path = layout.kubeconfigOf(identity.part);
  await writeKubeconfig(layout, identity, server, path);
  return path;
}

export async function writeKubeconfig(
  layout: EnvironmentLayout,
  identity: Identity,
  server: string,
  path: string,
): Promise<void> {
  const files = await issueClientCertificate(layout, identity);
  const [ca, cert, key] = await Promise.all(
    [files.caFile, files.certFile, files.keyFile].map(async (file) => (await readFile(file)).toString("base64")),
  );
  const name = `menagerie-${layout.name}`;
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    clusters: [{ name, cluster: { server, "certificate-authority-data": ca } }],
    users: [{ name: identity.part, user: { "client-certificate-data": cert, "client-key-data": key } }],
    contexts: [{ name, context: { cluster: name, user: identity.part } }],
  };
  // JSON is YAML; kubectl and every client library read it.
  await writeAtomically(path, `${JSON.stringify(config, null, 2)}\n`);
}

async function issue(
  layout: EnvironmentLayout,
  name: string,
  subject: x509.Name,
  extensions: x509.Extension[],
): Promise<KeyPairFiles> {
  const authority = caFiles(layout);
  const files = {
    certFile: join(layout.pki, `${name}.crt`),
    keyFile: join(layout.pki, `${name}.key`),
    caFile: authority.certFile,
  };
  const kept = await readCertificate(files.certFile);
  const wanted = extensions.map((extension) => Buffer.from(extension.rawData).toString("hex"));
  if (
    kept &&
    kept.notAfter.getTime() - Date.now() > renewBefore &&
    kept.subject === subject.toString() &&
    wanted.every((raw) => kept.extensions.some((extension) => Buffer.from(extension.rawData).toString("hex") === raw))
  ) {
    return files;
  }
  const issuer = new x509.X509Certificate(await readFile(authority.certFile, "utf8"));
  const signingKey = await importKey(await readFile(authority.keyFile, "utf8"));
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: subject,
    issuer: issuer.subjectName,
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + 365 * day),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      ...extensions,
    ],
  });
  await writeAtomically(files.keyFile, await exportKey(keys.privateKey));
  await writeAtomically(files.certFile, certificate.toString("pem"));
  return files;
}

async function readCertificate(file: string): Promise<x509.X509Certificate | undefined> {
  try {
    return new x509.X509Certificate(await readFile(file, "utf8"));
  } catch {
    // Missing, or cut off by a full disk: made anew.
    return undefined;
  }
}

function newKeys(): Promise<CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

async function exportKey(key: CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

async function importKey(pem: string): Promise<CryptoKey> {
  const [raw] = x509.PemConverter.decode(pem);
  if (!raw) throw new Error("the certificate authority's key file holds no key");
  return webcrypto.subtle.importKey("pkcs8", raw, algorithm, false, ["sign"]);
}

function serialNumber(): string {
  // RFC 5280: positive, at most 20 octets.
  return `01${randomBytes(15).toString("hex")}`;
}

async function writeAtomically(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  await writeFile(temporary, content, { mode: 0o600 });
  await rename(temporary, path);
}

async function exists(path: string): Promise<boolean> {
  return readFile(path).then(
    () => true,
    () => false,
  );
}
