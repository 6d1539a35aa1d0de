/**
 * Entry of `menagerie`. It listens for signals before it loads the command, which takes a second on a busy machine: a Ctrl-C
 * in that second ends as any other does.
 */
const tooEarly = (): void => {
  console.error("interrupted; run the same command again and it goes on from here");
  process.exit(130);
};
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
for (const signal of signals) process.on(signal, tooEarly);
const { loaded } = await import("./program.ts");
const run = await loaded(process.argv.slice(2));
// A signal that came while modules were evaluated is still with the event loop, and would be lost with its listener: a whole
// turn delivers it. From here to the command's own listeners there is no turn in between.
for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
for (const signal of signals) process.off(signal, tooEarly);
process.exit(await run());
