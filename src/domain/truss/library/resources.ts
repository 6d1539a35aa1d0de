import { PyMapping, type PyValue, pythonText } from "../pyValue.ts";
import { checked, type FieldType, flag, listOf, model, orNull, text, textWhere } from "./fieldTypes.ts";

const accelerators = [
  ...["B10", "T4", "L4", "A10G", "V100", "A100", "A100_40GB", "H100", "H200", "H100_40GB", "B200", "L40S"],
  ...["RTX_PRO_6000", "B300", "GB300"],
];
const units = ["k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

const isNumeric = (spec: string): boolean =>
  /^\s*[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*$|^\s*[-+]?(?:inf|infinity|nan)\s*$/i.test(spec);

const cpu = textWhere((spec) =>
  isNumeric(spec) || /^[0-9.]*m$/.test(spec) ? undefined : `Invalid cpu specification ${spec}.`,
);

const memory = textWhere((spec) => {
  if (isNumeric(spec)) return undefined;
  const found = /^[0-9.]*([a-zA-Z]+)?$/.exec(spec);
  if (!found) return `Invalid memory specification ${spec}`;
  const unit = found[1] ?? "None";
  return units.includes(unit) ? undefined : `Invalid memory unit ${unit} in ${spec}`;
});

/** `T4`, `H100:8`, or a mapping of both; written as text. */
const accelerator: FieldType = (value, path, issues) => {
  const refuse = (message: string): PyValue => {
    issues.push({ path, value, message: `Value error, ${message}` });
    return value;
  };
  if (value === null) return null;
  const spec = value instanceof PyMapping ? specOf(value) : value;
  if (typeof spec !== "string") return refuse("Expected string, dict, AcceleratorSpec, or None");
  if (spec === "") return null;
  const [kind = "", count, ...rest] = spec.trim().split(":");
  if (kind === "") return refuse("Accelerator type cannot be empty.");
  if (!accelerators.includes(kind)) {
    return refuse(`Unsupported accelerator type: \`${kind}\`. Available types: ${accelerators.join(", ")}.`);
  }
  if (count === undefined || rest.length > 0) return kind;
  if (!/^[0-9]+$/.test(count) || Number(count) === 0)
    return refuse(`Invalid count: '${count}'. Must be positive integer.`);
  return Number(count) > 1 ? `${kind}:${Number(count)}` : kind;
};

function specOf(value: PyMapping): string {
  const kind = value.get("accelerator");
  if (kind === undefined || kind === null) return "";
  return `${pythonText(kind)}:${pythonText(value.get("count") ?? 1n)}`;
}

const nodeCount = checked(
  (value, path, issues) => {
    if (typeof value !== "bigint") issues.push({ path, value, message: "Input should be a valid integer" });
    return value;
  },
  (value) => (typeof value === "bigint" && value < 1n ? "Input should be greater than or equal to 1" : undefined),
);

const fabric = model(
  {
    use_rdma: { type: orNull(flag), initial: () => null },
    preferences: { type: orNull(listOf(text)), initial: () => null },
  },
  {
    name: "FabricRequirement",
    written: (value) => without(value, (_, item) => item === null, ["use_rdma", "preferences"]),
  },
);

/** `resources` of config.yaml. */
export const resources = model(
  {
    cpu: { type: cpu, initial: () => "1" },
    memory: { type: memory, initial: () => "2Gi" },
    accelerator: { type: accelerator, initial: () => null },
    instance_type: { type: orNull(text), initial: () => null },
    node_count: { type: orNull(nodeCount), initial: () => null },
    fabric: { type: orNull(fabric), initial: () => null },
  },
  {
    name: "Resources",
    before: (value) => without(value, () => true, ["use_gpu"]),
    written: (value) =>
      without(value, (_, item) => item === null || item === "", ["node_count", "instance_type", "fabric"]).set(
        "use_gpu",
        value.get("accelerator") !== null,
      ),
  },
);

/** The mapping less the named keys that the condition is true of. */
function without(
  value: PyMapping,
  isLeftOut: (key: string, item: PyValue) => boolean,
  names: readonly string[],
): PyMapping {
  const made = new PyMapping();
  for (const [key, item] of value.entries) {
    if (typeof key === "string" && names.includes(key) && isLeftOut(key, item)) continue;
    made.set(key, item);
  }
  return made;
}
