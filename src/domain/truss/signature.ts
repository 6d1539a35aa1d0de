import { configFilename, parseTrussConfig } from "./config.ts";
import { textBytes } from "./content.ts";
import { contentHash } from "./hash.ts";
import { countedPaths } from "./ignore.ts";
import { refuse } from "./refusals.ts";
import { parsePipRequirements, parsePyproject, requirementsFileType, requirementsSource } from "./requirements.ts";
import { contentAt, type TrussSnapshot } from "./snapshot.ts";

/** What later patches are computed against; the truss library's format, so the real client can read it. */
export interface TrussSignature {
  /** Path → 64 hex digits of its content, null for a folder and whatever else has none. */
  readonly content_hashes_by_path: Readonly<Record<string, string | null>>;
  /** Text of config.yaml, line ends as `\n`. */
  readonly config: string;
  readonly requirements_file_requirements: readonly string[];
}

/**
 * Signature of a truss, equal to truss 0.18.35's `calc_truss_signature`.
 * @throws OperatorError when config.yaml or the requirements file is missing or invalid.
 */
export function signatureOf(snapshot: TrussSnapshot, patterns: readonly string[] = []): TrussSignature {
  const hashes: Record<string, string | null> = {};
  for (const path of countedPaths(snapshot, patterns)) {
    const content = contentAt(snapshot, path);
    hashes[path] = content ? contentHash(content) : null;
  }
  const config = configText(snapshot);
  return {
    content_hashes_by_path: hashes,
    config,
    requirements_file_requirements: fileRequirements(snapshot, parseTrussConfig(config).requirements_file),
  };
}

/**
 * Requirements of the truss with this signature, from its config.yaml or its requirements file.
 * @throws OperatorError when the config is invalid.
 */
export function requirementsOf({ config, requirements_file_requirements }: TrussSignature): readonly string[] {
  const { requirements, requirements_file } = parseTrussConfig(config);
  return requirements_file ? requirements_file_requirements : requirements;
}

/** Text of the snapshot's config.yaml with line ends as `\n`. */
export function configText(snapshot: TrussSnapshot): string {
  return textAt(snapshot, configFilename, "every truss has one at its root");
}

/** Requirements that a truss's `requirements_file` lists; none when the key is not set. */
export function fileRequirements(snapshot: TrussSnapshot, requirementsFile: string | null | undefined): string[] {
  if (!requirementsFile) return [];
  const source = requirementsSource(requirementsFile);
  const text = textAt(snapshot, source, `${configFilename} names "${requirementsFile}" in requirements_file`);
  return requirementsFileType(source) === "pip" ? parsePipRequirements(text) : parsePyproject(text, source);
}

function textAt(snapshot: TrussSnapshot, path: string, why: string): string {
  const content = contentAt(snapshot, path.replace(/^(\.\/)+/, ""));
  if (!content) throw refuse("truss.file-missing", { path, why });
  const bytes = textBytes(content, path);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes).replace(/\r\n?/g, "\n");
  } catch (error) {
    throw refuse("truss.not-utf8", { path }, error);
  }
}
