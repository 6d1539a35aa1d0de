import { type DeclaredResource, keyOf, type ResourceRequest } from "./declaredOptions.ts";

/** By what the engine finds a resource in a stack's state. */
export interface StateName {
  /** Its URN without stack and project: the types from the outermost component to its own, and its name. */
  readonly urn: string;
  /** Every other URN by which it is found too: those of its aliases, and of its parents'. */
  readonly aliases: readonly string[];
  /** Of the handler of a dynamic resource. */
  readonly kind: string | undefined;
}

interface Parent {
  readonly types: readonly string[];
  readonly name: string;
}

const urnOf = ({ types, name }: Parent): string => `${types.join("$")}::${name}`;

/** The names of everything that a program declares, as the engine makes them. */
export function stateNames(declared: readonly DeclaredResource[]): StateName[] {
  const byKey = new Map(declared.map((each) => [keyOf(each), each.request]));
  const known = new Map<ResourceRequest, readonly Parent[]>();

  /** The first is today's. */
  function namesOf(request: ResourceRequest): readonly Parent[] {
    const found = known.get(request) ?? madeNames(request);
    known.set(request, found);
    return found;
  }

  function madeNames(request: ResourceRequest): Parent[] {
    const parents = parentNames(request.getParent());
    const specs = request.getAliasesList().map((alias) => alias.getSpec());
    return [undefined, ...specs].flatMap((spec) => {
      const above = spec?.getParenturn()
        ? parentNames(spec.getParenturn())
        : spec?.getNoparent()
          ? [undefined]
          : parents;
      return above.map((parent): Parent => {
        const type = spec?.getType() || request.getType();
        const name = spec?.getName() || inherited(request.getName(), parents[0]?.name, parent?.name);
        return { types: [...(parent?.types ?? []), type], name };
      });
    });
  }

  function parentNames(urn: string): readonly (Parent | undefined)[] {
    const [types = "", name = ""] = urn.split("::").slice(2);
    const request = byKey.get(`${types.split("$").at(-1)} ${name}`);
    // The stack itself, which no URN has among its types.
    return request ? namesOf(request) : [undefined];
  }

  return declared.map(({ request, inputs }) => {
    const [own = "", ...others] = namesOf(request).map(urnOf);
    const [, kind] = /delegateOf\("(\w+)"\)/.exec(String(inputs.__provider)) ?? [];
    return { urn: own, aliases: [...new Set(others)], kind };
  });
}

/** A child whose name begins with its parent's had a name that began with the parent's former one. */
function inherited(name: string, parent: string | undefined, formerly: string | undefined): string {
  return parent && formerly && name.startsWith(parent) ? formerly + name.slice(parent.length) : name;
}
