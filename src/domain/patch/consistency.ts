import { configFilename, parseTrussConfig } from "../truss/config.ts";
import { contentHash } from "../truss/hash.ts";
import type { TrussSignature } from "../truss/signature.ts";
import type { FileBody, PatchOperation } from "./operation.ts";
import { refuse } from "./refusals.ts";

/**
 * The operations as they lead to the truss that `next` is the signature of: contents are those of its hashes, line ends
 * included (the truss library reads CRLF as LF). A file that was saved while a client computed its patch is found here:
 * stored, the container would run another content than its hash says, and no later patch would mend it.
 *
 * @throws OperatorError with the file whose content, path or removal is not what the signature says.
 */
export function consistentOperations(ops: readonly PatchOperation[], next: TrussSignature): PatchOperation[] {
  const configHash = next.content_hashes_by_path[configFilename];
  if (configHash && withLineEndsOf(next.config, configHash) === undefined) {
    throw refuse("patch.config-changed", { configFilename });
  }
  const config = parseTrussConfig(next.config);
  return ops.map((op) => {
    if (op.type === "model_code") return { ...op, body: consistent(op.body, config.model_module_dir, next) };
    if (op.type === "package") return { ...op, body: consistent(op.body, config.bundled_packages_dir, next) };
    return op;
  });
}

function consistent<Body extends FileBody>(body: Body, folder: string, next: TrussSignature): Body {
  const path = `${folder.replace(/^(\.\/)+/, "").replace(/\/+$/, "")}/${body.path}`;
  const wanted = next.content_hashes_by_path[path];
  if (body.action === "REMOVE") {
    if (typeof wanted === "string") throw refuse("patch.removed-and-kept", { path });
    return body;
  }
  if (typeof wanted !== "string") throw refuse("patch.unknown-file", { path });
  if (body.content === null) {
    if (contentHash(Buffer.from(body.content_bytes ?? "", "base64")) !== wanted)
      throw refuse("patch.other-content", { path });
    return body;
  }
  const content = withLineEndsOf(body.content, wanted);
  if (content === undefined) throw refuse("patch.other-content", { path });
  return { ...body, content };
}

/** The text, with the line ends that give it the hash; undefined where none do. */
function withLineEndsOf(text: string, hash: string): string | undefined {
  const encoder = new TextEncoder();
  const variants = [text, text.replaceAll(/\r?\n/g, "\r\n"), text.replaceAll("\n", "\r")];
  return variants.find((variant) => contentHash(encoder.encode(variant)) === hash);
}
