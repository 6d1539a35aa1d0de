// Plain JavaScript, for the SDK compiles a TypeScript entry by ts-node, which knows no imports of `.ts`; from here on
// Node.js strips the types itself, as it does for the program.
import "./pack.ts";
