import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type DynamicSwitches, dynamicSettingsData } from "../src/domain/zoo/dynamicSettings.ts";
import type { Phase } from "../src/domain/zoo/phases.ts";
import { declared } from "../src/environment/ownership.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link DynamicSettings}. */
export interface DynamicSettingsArgs extends DynamicSwitches {
  /** Namespace of the application that reads the settings. */
  readonly namespace: string;
  /** Name of the ConfigMap. */
  readonly name: string;
  /** Whether the stack makes the namespace; else it must exist. */
  readonly createNamespace: boolean;
  /** Whether the stack's values win over those that were edited by hand; else one that differs fails the preview. */
  readonly takeover: boolean;
  /** Phase of each zoo model. */
  readonly zoo: Readonly<Record<string, { readonly phase: Phase }>>;
}

/**
 * The application's dynamic settings, derived from the rollouts' phases. The ConfigMap is updated in place, never
 * replaced; keys that the stack does not set are left to whoever wrote them. A value that was edited by hand shows in
 * `menagerie drift`, and `--restore` puts it back.
 *
 * @example
 * new DynamicSettings("dynamic-settings", { ...spec.dynamicSettings, zoo: spec.zoo }, { providers: [cluster] });
 */
export class DynamicSettings extends pulumi.ComponentResource {
  constructor(name: string, args: DynamicSettingsArgs, options?: pulumi.ComponentResourceOptions) {
    const phases = Object.fromEntries(Object.entries(args.zoo).map(([model, { phase }]) => [model, phase]));
    super("menagerie:zoo:DynamicSettings", name, registered({ ...args, zoo: phases }), options);
    const labels = { "app.kubernetes.io/part-of": "menagerie" };
    const namespaces = args.createNamespace
      ? [
          new kubernetes.core.v1.Namespace(
            `${name}-namespace`,
            { metadata: declared({ name: args.namespace, labels }) },
            { parent: this },
          ),
        ]
      : [];
    // A patch owns its keys only. The provider's ConfigMap would take over what `kubectl` wrote, and remove keys that are
    // the application's own business.
    new kubernetes.core.v1.ConfigMapPatch(
      name,
      {
        metadata: declared({ namespace: args.namespace, name: args.name, labels }, args),
        data: dynamicSettingsData(args.zoo, args),
      },
      { parent: this, dependsOn: namespaces },
    );
    this.registerOutputs({});
  }
}
