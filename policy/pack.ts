import { PolicyPack, type StackValidationArgs } from "@pulumi/policy";
import { rules } from "./rules/index.ts";
import { servicesBeforeTables, tablesBeforeServices } from "./rules/tablesBeforeServices.ts";
import { withUnknowns } from "./rules/values.ts";

/**
 * Policies of every stack: `pulumi preview --policy-pack policy`. Each is mandatory; what breaks one fails preview and `up`.
 */
new PolicyPack("menagerie", {
  enforcementLevel: "mandatory",
  policies: [
    ...rules.map(({ name, description, violations }) => ({
      name,
      description,
      validateResource: ({ type, name: resource, props }: Seen, report: (message: string) => void) => {
        const inputs = withUnknowns(props) as Record<string, unknown>;
        for (const sentence of violations({ type, name: resource, inputs })) report(sentence);
      },
    })),
    {
      ...tablesBeforeServices,
      validateStack: ({ resources }: StackValidationArgs, report: (message: string, urn?: string) => void) => {
        const ordered = resources.map(({ urn, type, name, dependencies, propertyDependencies, parent }) => ({
          urn,
          type,
          name,
          waitsFor: [...dependencies, ...Object.values(propertyDependencies).flat(), ...(parent ? [parent] : [])].map(
            ({ urn: other }) => other,
          ),
        }));
        for (const [urn, sentence] of servicesBeforeTables(ordered)) report(sentence, urn);
      },
    },
  ],
});

interface Seen {
  readonly type: string;
  readonly name: string;
  readonly props: Record<string, unknown>;
}
