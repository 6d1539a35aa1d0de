/** The gateway of an embedded environment: a process, not a pod. istiod knows it by labels, as it knows pods. */
export const embeddedGateway = {
  /** Namespace of the Gateway and of istiod. */
  namespace: "istio-system",
  /** Of the Gateway; with its namespace the default of `menagerie:gateway.name`. */
  name: "menagerie",
  /** The same as in the committed stacks, so that `menagerie:mesh.keyCheck` is written alike everywhere. */
  labels: { istio: "ingress" } as Readonly<Record<string, string>>,
} as const;
