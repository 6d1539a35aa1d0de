import type * as pulumi from "@pulumi/pulumi";
import { partsOfUrn } from "../../src/domain/preview/preview.ts";
import { deleteFixedNamesFirst } from "../../src/program/fixedNames.ts";
import { protectWhatServesOrStores } from "../../src/program/protection.ts";

/** With which options a program's resources reach the engine, as the goldens show them. */

/** What an alias has otherwise than its resource, of the engine's protocol. */
interface AliasSpec {
  getName(): string;
  getType(): string;
  getParenturn(): string;
  getNoparent(): boolean;
}

/** A registration, of the engine's protocol. */
export interface ResourceRequest {
  getName(): string;
  getType(): string;
  getParent(): string;
  getCustom(): boolean;
  getProtect(): boolean;
  getRetainondelete(): boolean;
  getDeletebeforereplace(): boolean;
  getDeletebeforereplacedefined(): boolean;
  getDependenciesList(): string[];
  getAdditionalsecretoutputsList(): string[];
  getReplaceonchangesList(): string[];
  getDeletedwith(): string;
  getAliasesList(): { getSpec(): AliasSpec | undefined }[];
  getIgnorechangesList(): string[];
  getCustomtimeouts(): { getCreate(): string; getUpdate(): string } | undefined;
}

export interface DeclaredResource {
  readonly request: ResourceRequest;
  readonly inputs: Record<string, unknown>;
}

/** Type and name, which tell the resources of a stack apart. */
export function keyOf({ request }: Pick<DeclaredResource, "request">): string {
  return `${request.getType()} ${request.getName()}`;
}

function keyOfUrn(urn: string): string {
  const { type, name } = partsOfUrn(urn);
  return `${type} ${name}`;
}

/**
 * The options of each resource, of those that have any. With what the stack's entry adds to what components declare.
 *
 * @param protects - whether the stack refuses to delete what serves or stores, as all but local do
 */
export function declaredOptions(all: readonly DeclaredResource[], protects: boolean): [string, object][] {
  const components = componentsOf(all);
  return all
    .map((each): [string, object] => [keyOf(each), optionsOf(each, components, protects)])
    .filter(([, options]) => Object.keys(options).length > 0);
}

function optionsOf(declared: DeclaredResource, components: readonly Component[], protects: boolean): object {
  const { request } = declared;
  const timeouts = request.getCustomtimeouts();
  const aliases = request.getAliasesList().flatMap((alias) => {
    const [name, parent] = [alias.getSpec()?.getName(), alias.getSpec()?.getParenturn()];
    // A provider's kinds have aliases for the kind's older versions, which say neither.
    return name || parent ? [[name, parent && `in ${keyOfUrn(parent)}`].filter(Boolean).join(" ")] : [];
  });
  const options = {
    ...withTransformations(declared, protects),
    aliases,
    dependsOn: dependenciesOf(request, components),
    additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
    replaceOnChanges: request.getReplaceonchangesList(),
    ignoreChanges: request.getIgnorechangesList(),
    deletedWith: request.getDeletedwith() ? keyOfUrn(request.getDeletedwith()) : undefined,
    customTimeouts: [timeouts?.getCreate(), timeouts?.getUpdate()].filter(Boolean),
  };
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => (Array.isArray(value) ? value.length > 0 : value !== undefined)),
  );
}

/** The mocks have no stack to transform its resources. */
function withTransformations({ request, inputs }: DeclaredResource, protects: boolean): pulumi.CustomResourceOptions {
  const [type, name] = [request.getType(), request.getName()];
  const own: pulumi.CustomResourceOptions = {
    ...(request.getProtect() ? { protect: true } : {}),
    ...(request.getRetainondelete() ? { retainOnDelete: true } : {}),
    ...(request.getIgnorechangesList().length > 0 ? { ignoreChanges: request.getIgnorechangesList() } : {}),
    ...(request.getDeletebeforereplacedefined() ? { deleteBeforeReplace: request.getDeletebeforereplace() } : {}),
  };
  const transformations = [deleteFixedNamesFirst, ...(protects ? [protectWhatServesOrStores] : [])];
  return transformations.reduce<pulumi.CustomResourceOptions>(
    (opts, transformed) => transformed({ type, name, props: inputs, opts, resource: undefined as never })?.opts ?? opts,
    own,
  );
}

interface Component {
  readonly key: string;
  /** Resources below it, by key. */
  readonly parts: ReadonlySet<string>;
}

/** The largest first. */
function componentsOf(all: readonly DeclaredResource[]): Component[] {
  const parents = new Map(all.map((each) => [keyOf(each), each.request.getParent()]));
  const parts = new Map<string, Set<string>>();
  for (const each of all.filter(({ request }) => request.getCustom())) {
    for (let urn = parents.get(keyOf(each)); urn; urn = parents.get(keyOfUrn(urn))) {
      const known = parts.get(keyOfUrn(urn)) ?? new Set();
      parts.set(keyOfUrn(urn), known.add(keyOf(each)));
    }
  }
  return [...parts].map(([key, list]) => ({ key, parts: list })).sort((a, b) => b.parts.size - a.parts.size);
}

/** Of a component the SDK names all parts; here it stands for them, as the program wrote it. */
function dependenciesOf(request: ResourceRequest, components: readonly Component[]): string[] {
  const left = new Set(request.getDependenciesList().map(keyOfUrn));
  const whole: string[] = [];
  for (const { key, parts } of components) {
    if (parts.size < 2 || !parts.isSubsetOf(left)) continue;
    whole.push(key);
    for (const part of parts) left.delete(part);
  }
  return [...left, ...whole].sort();
}
