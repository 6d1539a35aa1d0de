/**
 * The PriorityClass of development versions: they make room for models with users, and preempt nobody. Such classes belong
 * to the whole cluster, so the models' namespace is part of the name.
 */
export function developmentPriority(modelsNamespace: string) {
  return {
    metadata: {
      name: `menagerie-development-${modelsNamespace}`,
      labels: { "app.kubernetes.io/part-of": "menagerie" },
    },
    value: -100,
    preemptionPolicy: "Never" as const,
    globalDefault: false,
    description: "Development versions: they may be down for some time.",
  };
}
