/** Key by which the engine marks a value that stands for one of another kind (sdk/go/common/resource: SigKey). */
const signatureKey = "4dabf18193072939515e22adb298388d";
/** The mark of a secret (SecretSig). */
export const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** A secret in the engine's state, exports and messages: its `ciphertext`, its `plaintext` as JSON, or its `value`. */
export function isEngineSecret(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === "object" && value !== null && signatureKey in value && value[signatureKey] === secretSignature
  );
}
